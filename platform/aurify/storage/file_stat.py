"""What tells one version of a file from another without reading it."""

from __future__ import annotations

from typing import NamedTuple


class FileStat(NamedTuple):
    """Size in bytes, modification time in milliseconds."""

    size: int
    modified_ms: int
