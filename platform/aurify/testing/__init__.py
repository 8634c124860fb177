"""Test a table: `refresh` runs its function, casts, suite and write mode over batches of literal rows."""

from aurify.testing.refreshed import Refreshed, refresh

__all__ = ["Refreshed", "refresh"]
