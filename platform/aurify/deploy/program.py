"""The program of a submission."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aurify.errors import ConfigurationError


@dataclass(frozen=True)
class Program:
    """A command of Aurify with its arguments, or a file of the project; and how people call the application."""

    words: tuple[str, ...]
    name: str

    @property
    def is_file(self) -> bool:
        """Whether it is a file of the project."""
        return self.words[0].endswith(".py")

    def refuse_missing(self, root: Path) -> None:
        """Stop where the file is none of the project's jobs, which are what is shipped."""
        file = (root / self.words[0]).resolve()
        if not self.is_file or (file.is_file() and file.is_relative_to((root / "jobs").resolve())):
            return
        there = ", ".join(sorted(f"jobs/{path.name}" for path in (root / "jobs").glob("*.py"))) or "none"
        expected = "a program of the project, like jobs/refresh_tables.py"
        raise ConfigurationError.of(
            "submit", f"no file {self.words[0]} below {root}/jobs", expected, f"there is: {there}"
        )
