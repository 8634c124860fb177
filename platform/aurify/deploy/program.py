"""The program of a submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aurify.errors import ConfigurationError

# What trains, and what needs models at all: the commands, as which the programs of jobs/ count.
TRAINING = ("train", "retrain")
WITH_MODELS = (*TRAINING, "score", "monitor", "models")
_COMMANDS = {
    "train_model.py": "train",
    "score_batch.py": "score",
    "monitor_drift.py": "monitor",
    "refresh_tables.py": "refresh",
}


def command_of(words: Sequence[str]) -> str:
    """The command that words are, or that a program of jobs/ does the work of; empty where there are none."""
    first = words[0].rpartition("/")[2] if words else ""
    return _COMMANDS.get(first, first)


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
