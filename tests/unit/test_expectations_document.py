"""The document of expectations says what the registry holds."""

from __future__ import annotations

from pathlib import Path

from aurify.quality.catalog import as_markdown, listed

ROOT = Path(__file__).parents[2]


def test_the_document_is_that_of_the_registry() -> None:
    kept = (ROOT / "docs" / "expectations.md").read_text(encoding="utf-8")
    assert kept == as_markdown(), "make docs writes it anew"


def test_each_expectation_that_is_not_equal_says_why() -> None:
    silent = [row.name for row in listed() if "difference" in row.runs and not row.note]
    assert silent == []
