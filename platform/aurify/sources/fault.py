"""What keeps a file out of every batch until it is mended, replaced or rejected by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aurify.errors import Problem

Kind = Literal[
    "changed",
    "corrupt",
    "no_footer",
    "too_long_line",
    "truncated",
    "unknown_compression",
    "unreadable",
    "unreadable_name",
    "wrong_encoding",
    "wrong_header",
    "wrong_magic",
    "zero_bytes",
]


@dataclass(frozen=True)
class FileProblem:
    """One file that is left out, and why."""

    path: str
    size: int
    modified_ms: int
    kind: Kind
    found: str
    expected: str
    hint: str = ""

    def as_problem(self) -> Problem:
        """The same as an error tells it."""
        return Problem(where=self.path, found=self.found, expected=self.expected, hint=self.hint, key=self.kind)


class Fault(Exception):
    """Raised by the check of one file's content; `check_file` adds which file it was."""

    def __init__(self, kind: Kind, found: str, expected: str, hint: str = "") -> None:
        super().__init__(found)
        self.kind: Kind = kind
        self.found = found
        self.expected = expected
        self.hint = hint
