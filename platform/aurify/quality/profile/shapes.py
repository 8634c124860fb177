"""Regular shapes: from counted shapes of text to one regular expression that Java and Python both take."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

# At least this share of the values has one of the shapes.
COVERED = 0.999
MOST_ALTERNATIVES = 4
MOST_RUNS = 16

_CLASSES = {"9": r"\d", "A": "[A-Z]", "a": "[a-z]"}
_NUMBER = re.compile(r"(?P<sign>[+-]?)9(?P<fraction>\.9)?")

# Forms that have too many shapes; each is counted by its own expression.
FORMS = {
    "UUIDs": r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "32 hexadecimal digits": "^[0-9a-f]{32}$",
    "40 hexadecimal digits": "^[0-9a-f]{40}$",
    "64 hexadecimal digits": "^[0-9a-f]{64}$",
    "e-mail addresses": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
}


@dataclass(frozen=True)
class Pattern:
    """A regular expression, what it says for people, and how many values surely match it."""

    regex: str
    meaning: str
    matching: int


@dataclass(frozen=True)
class _Skeleton:
    """All shapes that differ only in the lengths of their runs."""

    chars: str
    shortest: Sequence[int]
    longest: Sequence[int]
    count: int

    @property
    def regex(self) -> str:
        """A run that is equally long everywhere keeps its length, any other may have every length."""
        return "".join(
            _class_of(char) + _repeated(few, most)
            for char, few, most in zip(self.chars, self.shortest, self.longest, strict=True)
        )


def pattern_of(shapes: Mapping[str, int], values: int, *, runs_are_one: bool, personal: bool) -> Pattern | None:
    """The fewest shapes that nearly all of `values` values have; None where even several are not enough.

    >>> pattern_of({"999999": 990, "A999999": 10}, 1000, runs_are_one=False, personal=False)
    Pattern(regex='^(?:\\\\d{6}|[A-Z]\\\\d{6})$', meaning='of the shape 999999 or A999999', matching=1000)
    >>> pattern_of({"9": 500, "9.99": 400, "-99.9": 100}, 1000, runs_are_one=False, personal=False)
    Pattern(regex='^-?\\\\d+(?:\\\\.\\\\d+)?$', meaning='written as a number', matching=1000)
    """
    skeletons = [s for s in _skeletons(shapes, runs_are_one) if _is_usable(s.chars, personal)]
    if skeletons and skeletons[0].count < COVERED * values and (number := _number(skeletons, values)):
        return number
    taken: list[_Skeleton] = []
    for skeleton in skeletons[:MOST_ALTERNATIVES]:
        taken.append(skeleton)
        if sum(s.count for s in taken) >= COVERED * values:
            return _joined(taken)
    return None


def _skeletons(shapes: Mapping[str, int], runs_are_one: bool) -> list[_Skeleton]:
    """Shapes of the same characters in the same order as one, the most frequent first."""
    found: dict[str, list[tuple[list[int], int]]] = defaultdict(list)
    for shape, count in shapes.items():
        runs = [(char, len(list(run))) for char, run in groupby(shape)]
        found["".join(char for char, _ in runs)].append(([length for _, length in runs], count))
    made = []
    for chars, members in found.items():
        lengths = list(zip(*(lengths for lengths, _ in members), strict=True))
        shortest, longest = [min(run) for run in lengths], [max(run) for run in lengths]
        if runs_are_one:
            longest = [length + 1 for length in longest]
        made.append(_Skeleton(chars, shortest, longest, sum(count for _, count in members)))
    return sorted(made, key=lambda skeleton: (-skeleton.count, skeleton.chars))


def _is_usable(chars: str, personal: bool) -> bool:
    """Whether an expression may spell it out: runs of digits and letters, spaces, punctuation and symbols.

    What personal values have in common is shown only where it can't be a value itself.
    """
    others = [char for char in chars if char not in _CLASSES]
    if personal and (len(others) == len(chars) or not "".join(others).isascii()):
        return False
    plain = all(char == " " or unicodedata.category(char)[0] in "PS" for char in others)
    return plain and 0 < len(chars) <= MOST_RUNS


def _number(skeletons: Sequence[_Skeleton], values: int) -> Pattern | None:
    """Numbers with and without sign and fraction, as one form."""
    numbers = [(s, match) for s in skeletons if (match := _NUMBER.fullmatch(s.chars))]
    matching = sum(s.count for s, _ in numbers)
    if matching < COVERED * values:
        return None
    signs = {match["sign"] for _, match in numbers}
    sign = "" if signs == {""} else "[+-]?" if "+" in signs else "-?"
    if any(match["fraction"] for _, match in numbers):
        return Pattern(rf"^{sign}\d+(?:\.\d+)?$", "written as a number", matching)
    return Pattern(rf"^{sign}\d+$", "written as a whole number", matching)


def _joined(skeletons: Sequence[_Skeleton]) -> Pattern:
    shown = [
        "".join(
            char * few if few == most else f"{char}+"
            for char, few, most in zip(s.chars, s.shortest, s.longest, strict=True)
        )
        for s in skeletons
    ]
    parts = [s.regex for s in skeletons]
    regex = f"^{parts[0]}$" if len(parts) == 1 else f"^(?:{'|'.join(parts)})$"
    return Pattern(regex, f"of the shape {' or '.join(shown)}", sum(s.count for s in skeletons))


def _class_of(char: str) -> str:
    if char in _CLASSES:
        return _CLASSES[char]
    return f"\\{char}" if char in r"\.^$*+?{}[]|()" else char


def _repeated(few: int, most: int) -> str:
    if few != most:
        return "+"
    return "" if few == 1 else f"{{{few}}}"
