"""What a look at one part of the environment came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from aurify.errors import AurifyError, ConfigurationError, EnvironmentFailure, Problem

Grade = Literal["good", "warning", "bad"]


@dataclass(frozen=True)
class Finding:
    """One part: what was found, and where it is not good, what is expected and how to come there.

    `is_setting` tells a mistake of the user's configuration from one of the environment.
    """

    what: str
    found: str
    grade: Grade = "good"
    expected: str = ""
    hint: str = ""
    is_setting: bool = False

    def as_dict(self) -> Mapping[str, str]:
        """For `--json`."""
        return {
            "what": self.what,
            "grade": self.grade,
            "found": self.found,
            "expected": self.expected,
            "hint": self.hint,
        }


def bad(what: str, found: str, expected: str, hint: str = "", *, is_setting: bool = False) -> Finding:
    """A part that a submission would fail by."""
    return Finding(what, found, "bad", expected, hint, is_setting)


def looked_at(what: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """What a look finds; an error of it is a finding too."""
    try:
        return look()
    except AurifyError as error:
        is_setting = isinstance(error, ConfigurationError)
        return [bad(p.where or what, p.found, p.expected, p.hint, is_setting=is_setting) for p in error.problems]
    except Exception as error:  # noqa: BLE001 - what else is found is told too
        return [bad(what, f"{type(error).__name__}: {error}", "an answer")]


def refuse(findings: list[Finding], env: str) -> None:
    """Stop where any finding is bad; a mistake of the configuration counts more than one of the environment."""
    wrong = [finding for finding in findings if finding.grade == "bad"]
    if not wrong:
        return
    problems = [Problem(f.what, f.found, f.expected, f.hint) for f in wrong]
    kind = ConfigurationError if any(f.is_setting for f in wrong) else EnvironmentFailure
    raise kind(f"environment '{env}' can't run it", problems, f"nothing was shipped; aurify doctor --env {env}")
