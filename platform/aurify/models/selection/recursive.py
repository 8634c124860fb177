"""Features that are left when the least important are dropped again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.models.estimator import Estimator, Learned, Learning
from aurify.models.fitted import FittedModel
from aurify.models.metrics import classifier_metrics
from aurify.models.selection.labelled import Labelled
from aurify.models.selection.selected import Round, Selected, Verdict, selected

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WHERE = "RecursiveElimination"
METRICS = ("roc_auc", "average_precision", "ks")
KEY, SCORE = "_key", "_score_held_out"
DECIMALS = 9


@dataclass(frozen=True)
class RecursiveElimination:
    """Fits the estimator, drops its least important features, fits it again, until `keep` are left (Guyon et al. 2002).

    `step` below 1 is the share of the features that a round drops, at least one, from 1 on their number. After `rounds`
    the last one drops all that are too many. The last fold is held out: `metric` on it, round by round, is a report.
    `scratch` is a folder that driver and executors share; without one, a temporary folder of the driver.
    """

    keep: int
    estimator: Estimator
    step: float = 0.2
    rounds: int = 20
    metric: Literal["roc_auc", "average_precision", "ks"] = "roc_auc"
    workers: int = 1
    scratch: str | None = None

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values, and with those of the estimator."""
        numbers = {"keep": self.keep, "rounds": self.rounds, "workers": self.workers}
        problems = [Problem(where, f"{name} {value}", "1 or more") for name, value in numbers.items() if value < 1]
        if not (0 < self.step < 1 or (self.step >= 1 and float(self.step).is_integer())):
            problems.append(Problem(where, f"step {self.step}", "a share between 0 and 1, or a whole number from 1"))
        if self.metric not in METRICS:
            hint = did_you_mean(self.metric, METRICS)
            problems.append(Problem(where, f"metric '{self.metric}'", " or ".join(METRICS), hint))
        return [*problems, *self.estimator.problems(f"{where}: estimator")]

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> Selected:
        """A fit and a scoring of the last fold each round, one more of those that are kept; two folds or more."""
        frame = Labelled(WHERE, rows, features, label)
        frame.refuse_misfits()
        if folds < 2:
            raise ConfigurationError.of(WHERE, f"{folds} folds", "2 or more", "the last one is held out")
        with _parted(frame, fold, folds) as (training, held), self._folder() as scratch:
            return self._eliminated(frame, training, held, scratch)

    def _eliminated(self, frame: Labelled, training: DataFrame, held: DataFrame, scratch: str) -> Selected:
        left, verdicts, rounds = frame.features, dict[str, Verdict](), list[Round]()
        while True:
            learning = Learning(
                training, None, left, frame.label, (KEY,), f"{scratch}/{len(rounds)}", workers=self.workers
            )
            learned = self.estimator.fit(learning)
            importance = _importance(learned, left)
            least = sorted(left, key=lambda name: (importance[name], -left.index(name)))[: self._excess(left, rounds)]
            rounds.append(Round(len(left), self._score(learned, held, frame.label), tuple(least)))
            settled = least or left
            verdicts |= {name: _verdict(name, importance[name], rounds, not least) for name in settled}
            if not least:
                return selected("recursive_elimination", [verdicts[name] for name in frame.features], rounds)
            left = tuple(name for name in left if name not in least)

    def _excess(self, left: tuple[str, ...], rounds: list[Round]) -> int:
        """How many features this round drops."""
        excess = max(0, len(left) - self.keep)
        if len(rounds) >= self.rounds - 1:
            return excess
        step = int(self.step) if self.step >= 1 else max(1, int(self.step * len(left)))
        return min(excess, step)

    def _score(self, learned: Learned, held: DataFrame, label: str) -> float:
        scored = FittedModel.of(learned, held).scored(held, SCORE)
        return float(getattr(classifier_metrics(scored, label, SCORE), self.metric))

    @contextmanager
    def _folder(self) -> Iterator[str]:
        if self.scratch is not None:
            yield self.scratch
            return
        with TemporaryDirectory() as folder:
            yield folder


def _verdict(name: str, importance: float, rounds: list[Round], kept: bool) -> Verdict:
    statistics = {"importance": importance, "round": float(len(rounds))}
    reason = f"importance {importance:.3g} among {rounds[-1].features} features"
    return Verdict(name, kept, reason if kept else f"{reason}, too little in round {len(rounds)}", statistics)


def _importance(learned: Learned, left: tuple[str, ...]) -> Mapping[str, float]:
    found = learned.importance()
    if not found:
        hint = "take an estimator that tells it, such as LightGBM"
        raise ConfigurationError.of(WHERE, "an estimator without importance", "how much each feature counts", hint)
    return {name: round(float(found.get(name, 0.0)), DECIMALS) for name in left}


@contextmanager
def _parted(frame: Labelled, fold: str, folds: int) -> Iterator[tuple[DataFrame, DataFrame]]:
    """The rows to train on, and the last fold, kept in memory or on disk until the end."""
    from pyspark.sql import functions as F

    names = [quoted(name) for name in (*frame.features, frame.label)]
    is_held = (F.col(quoted(fold)) == folds - 1).alias("_is_held")
    read = frame.rows.select(*names, F.xxhash64(*names).alias(KEY), is_held).persist()
    try:
        yield read.where("NOT _is_held").drop("_is_held"), read.where("_is_held").drop("_is_held")
    finally:
        read.unpersist()
