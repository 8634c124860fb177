"""The search itself: trials side by side, each measured fold by fold, kept as they end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from aurify.errors import (
    AurifyError,
    ConfigurationError,
    DataError,
    EnvironmentFailure,
    Problem,
    TrainingStopped,
)
from aurify.models.barrier_preflight import task_slots
from aurify.models.curve import LOSSES
from aurify.models.estimator import Estimator, Learning
from aurify.models.scored import of_metric
from aurify.models.search import paths
from aurify.models.search.declared import Search
from aurify.models.search.folds import Fold, looked_at, value
from aurify.models.search.kept import Kept, opened
from aurify.models.search.paths import Scalar, with_values
from aurify.models.search.sides import Sides
from aurify.models.search.trial import Searched, Trial

if TYPE_CHECKING:
    import optuna
    from pyspark.sql import DataFrame, SparkSession

Own = TypeVar("Own", bound=Estimator)
Listen = Callable[[Trial], None]
# The metric on one fold after the other, for a trial's number and values.
Measure = Callable[[int, Mapping[str, Scalar]], Iterator[float]]


def search(
    declared: Search,
    estimator: Own,
    folds: Sequence[tuple[Learning, DataFrame]],
    metric: str,
    *,
    store: str | Path,
    study: str,
    listen: Listen = lambda trial: None,
) -> Searched[Own]:
    """Find the values with the best mean of a metric over the folds, each rows to learn from and held-out rows.

    All trials are kept in `store`, a folder or a database's URL, under the study's name and a hash of the space, the
    estimator, the metric and the folds: a search that was killed goes on with what it has, the trials that ran then are
    done again with their values. `listen` hears of each trial once in a call, of those of an earlier run first, one
    at a time. With one side, or drawn at random or from a grid, the same call finds the same, killed or not; TPE and
    pruning with more sides depend on which trial ends first.

    A trial whose fit or score is refused has failed, with its reason, and the others go on; one that failed by its
    environment is done again by the next call. Rows should be cached by the caller: every trial reads them.

    ConfigurationError: what was asked does not fit. DataError: the folds have nothing to learn or to measure, told
    before the first trial, or all trials failed. TrainingStopped: the time was over before a trial was done.
    """
    own = [Fold(learning, held_out) for learning, held_out in folds]
    _refuse_misfits(declared, estimator, own, metric)
    spark = own[0].held_out.sparkSession
    name = f"{study}-{_fingerprint(declared, estimator, metric, looked_at(own))[:16]}"
    until = None if declared.time_limit is None else time.monotonic() + declared.time_limit.total_seconds()

    def measure(number: int, values: Mapping[str, Scalar]) -> Iterator[float]:
        tried = with_values(estimator, values)
        problems = tried.problems(f"trial {number}")
        if problems:
            raise ConfigurationError(f"trial {number}", problems)
        for place, fold in enumerate(own):
            learning = _for_trial(fold.learning, f"{name}-{number}-{place}", until)
            yield value(tried.fit(learning), fold, metric)

    with opened(store, name, declared, metric in LOSSES) as kept:
        Trying(kept, measure, len(own), listen, until).run(spark, declared.side_by_side)
        return _searched(kept, declared, estimator, (name, metric))


@dataclass(frozen=True)
class Trying:
    """How trials are tried: `until` is a time of the monotonic clock."""

    kept: Kept
    measure: Measure
    folds: int
    listen: Listen
    until: float | None = None

    def run(self, spark: SparkSession, side_by_side: int) -> None:
        """Try all that are left."""
        for trial in self.kept.trials():
            self.listen(trial)
        sides, hearing = Sides(spark, side_by_side), Lock()

        def one(turn: int) -> None:
            if self._is_over():
                return
            ended = self._one(turn, sides)
            if ended is not None:
                with hearing:
                    self.listen(ended)

        sides.work(self.kept.left(), one)

    def _is_over(self) -> bool:
        return self.until is not None and time.monotonic() >= self.until

    def _one(self, turn: int, sides: Sides) -> Trial | None:
        """None where the trial was dropped: the search ends, and the next one tries it again."""
        trial = self.kept.begin(turn)
        try:
            return self._by_fold(trial, turn, sides)
        except AurifyError as error:
            if sides.is_over.is_set() or (isinstance(error, TrainingStopped) and self._is_over()):
                self.kept.drop(trial)
                return None
            return self.kept.fail(trial, _reason(error), again=isinstance(error, EnvironmentFailure))
        except BaseException:
            self.kept.drop(trial)
            raise

    def _by_fold(self, trial: optuna.Trial, turn: int, sides: Sides) -> Trial | None:
        by_fold: list[float] = []
        for found in self.measure(turn, trial.params):
            by_fold.append(found)
            if len(by_fold) == self.folds:
                break
            if sides.is_over.is_set() or self._is_over():
                self.kept.drop(trial)
                return None
            if self.kept.is_hopeless(trial, by_fold):
                return self.kept.end(trial, by_fold, "pruned")
        return self.kept.end(trial, by_fold, "finished")


def problems(where: str, declared: Search, estimator: Estimator) -> list[Problem]:
    """All that is wrong with a search of an estimator; read before a session starts."""
    return [*declared.problems(where), *paths.problems(where, declared.space, estimator)]


def _refuse_misfits(declared: Search, estimator: Estimator, folds: Sequence[Fold], metric: str) -> None:
    found = [*problems("search", declared, estimator), *of_metric("search", metric)]
    if not folds:
        found.append(Problem("search: folds", "none", "one or more"))
    else:
        slots = task_slots(folds[0].held_out.sparkSession)
        workers = max(fold.learning.workers for fold in folds)
        if declared.side_by_side * workers > slots:
            asked = f"{declared.side_by_side} side by side of {workers} workers each, with {slots} slots for tasks"
            hint = f"side_by_side={max(1, slots // workers)}, fewer workers, or more executors"
            found.append(Problem("search", asked, "a slot for each worker", hint))
    if found:
        raise ConfigurationError("search", found)


def _fingerprint(declared: Search, estimator: Estimator, metric: str, data: str) -> str:
    """What a trial's value depends on, and what is drawn; a search of more trials is the same search."""
    space = sorted((path, repr(values)) for path, values in declared.space.items())
    drawn = (space, declared.sampler, declared.pruning, declared.seed)
    return hashlib.sha256(repr((drawn, repr(estimator), metric, data)).encode()).hexdigest()


def _for_trial(learning: Learning, scratch: str, until: float | None) -> Learning:
    """Trials side by side do not share a scratch folder, and a fit gets no more time than the search has."""
    limits = [learning.time_limit] if learning.time_limit is not None else []
    if until is not None:
        limits.append(timedelta(seconds=max(0.001, until - time.monotonic())))
    return replace(learning, scratch=f"{learning.scratch}/{scratch}", time_limit=min(limits, default=None))


def _reason(error: AurifyError) -> str:
    """Its problems in one line."""
    told = (", ".join(line.strip(" -") for line in problem.lines()[:2]) for problem in error.problems)
    return "; ".join(told) or error.title


def _searched(kept: Kept, declared: Search, estimator: Own, named: tuple[str, str]) -> Searched[Own]:
    trials = tuple(kept.trials())
    sign = 1 if named[1] in LOSSES else -1
    finished = [(sign * trial.value, trial.number) for trial in trials if trial.value is not None]
    is_complete = len(trials) == declared.turns
    if not finished and is_complete:
        reasons = {trial.reason: trial.number for trial in reversed(trials)}
        found = [Problem(f"trial {number}", reason, "a fit and a score") for reason, number in reasons.items()]
        raise DataError(f"search: all {len(trials)} trials failed", found[::-1])
    if not finished:
        found_so_far = f"{len(trials)} trials, none finished, after {declared.time_limit}"
        raise TrainingStopped.of("search", found_so_far, "a trial done within time_limit", "give it more time")
    best = trials[[trial.number for trial in trials].index(min(finished)[1])]
    assert best.value is not None
    made = with_values(estimator, best.values)
    study, metric = named
    return Searched(study, metric, best.values, best.value, made, trials, kept.importance(), is_complete)
