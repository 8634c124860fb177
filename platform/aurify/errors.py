"""Every error Aurify raises: what was found, what was expected, and the next step."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

Given = TypeVar("Given", bound="AurifyError")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, told so that it can be mended without reading code."""

    where: str
    found: str
    expected: str
    hint: str = ""
    key: str = ""

    def lines(self) -> list[str]:
        """The problem as indented lines of text."""
        place = f"{self.where}: {self.key}" if self.key else self.where
        text = [f"  - {place}: found {self.found}", f"    expected {self.expected}"]
        return [*text, f"    hint: {self.hint}"] if self.hint else text

    def as_dict(self) -> dict[str, str]:
        """The problem for `--json`."""
        return {
            "where": self.where,
            "key": self.key,
            "found": self.found,
            "expected": self.expected,
            "hint": self.hint,
        }


class AurifyError(Exception):
    """The root of all errors; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 3

    def __init__(self, title: str, problems: Sequence[Problem] = (), hint: str = "") -> None:
        self.title = title
        self.problems = tuple(problems)
        self.hint = hint
        super().__init__(self.render())

    @classmethod
    def of(cls: type[Given], title: str, found: str, expected: str, hint: str = "") -> Given:
        """One problem, named by the title."""
        return cls(title, [Problem(where=title, found=found, expected=expected, hint=hint)])

    def render(self) -> str:
        """The text a person reads: title, every problem, the next step."""
        count = len(self.problems)
        head = f"{type(self).__name__}: {self.title}"
        if count > 1:
            head += f": {count} problems"
        lines = [head, *(line for problem in self.problems for line in problem.lines())]
        if self.hint:
            lines.append(f"Hint: {self.hint}")
        return "\n".join(lines)


class DataError(AurifyError):
    """The data, or a model, failed what must hold."""

    exit_code = 1


class ConfigurationError(AurifyError):
    """What the user wrote can't be run as it is."""

    exit_code = 2


class SuiteError(ConfigurationError):
    """A suite of expectations that can't be run as it is."""


class EnvironmentFailure(AurifyError):
    """Disk, network, Java, another run: nothing the data or the configuration did."""

    exit_code = 3


class TrainingStopped(AurifyError):
    """A fit that was ended before it was done, by its time limit."""


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """A hint that names the closest known words, or lists what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(found, names, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"there is: {', '.join(names)}" if names else "there is none"


def no_column(
    where: str, name: str, known: Iterable[str], expected: str = "a column of the rows", key: str = ""
) -> Problem:
    """A column that is not there, with what may have been meant."""
    return Problem(where, f"no column '{name}'", expected, did_you_mean(name, known), key)
