"""What a model's file says of a search: which values to try for which paths of the estimator, how, and how long."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Literal, TypeAlias

from aurify.errors import Problem, did_you_mean
from aurify.models.search.paths import Scalar

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SAMPLERS = ("tpe", "random", "grid")


@dataclass(frozen=True)
class Choice:
    """One of these texts, numbers, booleans or None, which have no order."""

    values: Sequence[Scalar]

    def problems(self, where: str) -> Iterator[Problem]:
        """All that is wrong with it."""
        if isinstance(self.values, str) or not self.values:
            yield Problem(where, f"Choice({self.values!r})", "a sequence of one value or more")
            return
        for value in self.values:
            if value is not None and not isinstance(value, (bool, int, float, str)):
                yield Problem(where, f"Choice of a {type(value).__name__}", "texts, numbers, booleans and None")
            elif self.values.count(value) > 1:
                yield Problem(where, f"Choice with {value!r} twice", "each value once; 1, 1.0 and True are one")
                return

    def points(self) -> Sequence[Scalar]:
        """All values, for a grid."""
        return self.values

    def distribution(self) -> BaseDistribution:
        """As Optuna says it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(tuple(self.values))


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included; with `log`, small ones are told apart more finely."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def problems(self, where: str) -> Iterator[Problem]:
        """All that is wrong with it."""
        if not all(isinstance(number, int) for number in (self.low, self.high, self.step)):
            yield Problem(where, repr(self), "whole numbers")
            return
        if self.low >= self.high:
            yield Problem(where, repr(self), "low below high", "give the estimator the one value")
        if self.step < 1:
            yield Problem(where, repr(self), "a step of 1 or more")
        elif self.low < self.high and (self.high - self.low) % self.step:
            last = self.high - (self.high - self.low) % self.step
            yield Problem(where, repr(self), "a high that the steps reach", f"high={last}")
        if self.log and (self.low < 1 or self.step != 1):
            yield Problem(where, repr(self), "with log, a low of 1 or more and no step")

    def points(self) -> Sequence[Scalar]:
        """All values, for a grid."""
        return range(self.low, self.high + 1, self.step)

    def distribution(self) -> BaseDistribution:
        """As Optuna says it."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, self.log, self.step)


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; with `log`, by its order of magnitude, as learning rates are."""

    low: float
    high: float
    log: bool = False

    def problems(self, where: str) -> Iterator[Problem]:
        """All that is wrong with it."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            yield Problem(where, repr(self), "numbers, low below high")
        elif self.log and self.low <= 0:
            yield Problem(where, repr(self), "with log, a low above 0")

    def distribution(self) -> BaseDistribution:
        """As Optuna says it."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, self.log)


Space: TypeAlias = Mapping[str, Choice | Whole | Real]


@dataclass(frozen=True)
class Search:
    """`space` has values to try by a dotted path into the estimator: "rounds", "parameters.num_leaves".

    `trials` are tried in all, `side_by_side` of them at once; a grid tries each of its points, at most `trials`. With
    `pruning`, a trial ends after a fold where its mean so far is worse than the median of other trials there. After
    `time_limit` no trial begins, and one under way is dropped; a later call of the same search goes on.
    """

    space: Space
    trials: int = 30
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    side_by_side: int = 2
    pruning: bool = True
    seed: int = 0
    time_limit: timedelta | None = None

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values; whether the estimator has the paths is told by `paths.problems`."""
        found = [] if self.space else [Problem(where, "an empty space", "values to try for one path or more")]
        for path, values in self.space.items():
            found += values.problems(f"{where}: {path}")
        for name, number in (("trials", self.trials), ("side_by_side", self.side_by_side)):
            if number < 1:
                found.append(Problem(where, str(number), "1 or more", key=name))
        if self.time_limit is not None and self.time_limit <= timedelta(0):
            found.append(Problem(where, str(self.time_limit), "a length of more than nothing", key="time_limit"))
        if self.sampler not in SAMPLERS:
            hint = did_you_mean(self.sampler, SAMPLERS)
            found.append(Problem(where, str(self.sampler), ", ".join(SAMPLERS), hint, "sampler"))
        return found or self._of_grid(where)

    def _of_grid(self, where: str) -> list[Problem]:
        if self.sampler != "grid":
            return []
        hint = "a Choice of some numbers, or another sampler"
        endless = [
            Problem(f"{where}: {path}", f"{values} in a grid", "a Choice or a Whole", hint)
            for path, values in self.space.items()
            if isinstance(values, Real)
        ]
        size = math.prod(len(values.points()) for values in self.space.values() if not isinstance(values, Real))
        if endless or size <= self.trials:
            return endless
        found = f"{self.trials} trials for a grid of {size} points"
        return [Problem(where, found, "a trial for each point", "fewer values, more trials, or another sampler")]

    @property
    def grid(self) -> list[dict[str, Scalar]]:
        """The points of a grid in their order: the last path changes fastest."""
        paths = sorted(self.space)
        every = [values.points() for _, values in sorted(self.space.items()) if not isinstance(values, Real)]
        return [dict(zip(paths, point, strict=True)) for point in product(*every)]

    @property
    def turns(self) -> int:
        """How many trials there are in all."""
        return len(self.grid) if self.sampler == "grid" else self.trials
