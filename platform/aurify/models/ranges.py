"""Values of an estimator that lie outside what it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from aurify.errors import Problem


@dataclass(frozen=True)
class Range:
    """From `least` to `most`, both taken; with `above`, `least` itself is not."""

    least: float
    most: float = math.inf
    above: bool = False

    def __contains__(self, value: float) -> bool:
        return (value > self.least if self.above else value >= self.least) and value <= self.most

    def __str__(self) -> str:
        """The range in words.

        >>> str(Range(1)), str(Range(0, 1, above=True))
        ('1 or more', 'more than 0, 1 at most')
        """
        if math.isinf(self.least):
            return "a number"
        low = f"more than {self.least:g}" if self.above else f"{self.least:g} or more"
        return low if math.isinf(self.most) else f"{low}, {self.most:g} at most"


def outside(where: str, declared: object, ranges: Mapping[str, Range]) -> list[Problem]:
    """A problem for each field of a dataclass whose value is outside its range; NaN and infinity are in none."""
    problems = []
    for name, allowed in ranges.items():
        value = getattr(declared, name)
        if not math.isfinite(value) or value not in allowed:
            problems.append(Problem(where, f"{value}", str(allowed), key=name))
    return problems
