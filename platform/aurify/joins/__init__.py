"""Joins over time: what was known by then."""

from aurify.joins.as_of import as_of_join

__all__ = ["as_of_join"]
