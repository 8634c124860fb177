"""Features: what was known of an entity by the time of each of its events."""

from aurify.features.entity_windows import with_windows
from aurify.features.windows import Window

__all__ = ["Window", "with_windows"]
