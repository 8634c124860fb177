"""The search for an estimator's values: it finds what was planted, goes on after a kill, tells what failed."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import (
    ConfigurationError,
    DataError,
    EnvironmentFailure,
    TrainingStopped,
)
from aurify.models import classifier_metrics
from aurify.models.curve import LOSSES, METRICS
from aurify.models.estimator import Learning
from aurify.models.search import Choice, Real, Search, Searched, Trial, Whole, search
from aurify.models.search.declared import Space
from aurify.models.search.kept import opened
from aurify.models.search.run import Trying
from tests.integration.searches import FITS, OPTIMUM, Stump, Trees, folds_of, labelled

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

optuna = pytest.importorskip("optuna")
pytest.importorskip("lightgbm")
sk = pytest.importorskip("sklearn.metrics")

AT = datetime(2026, 3, 1, tzinfo=timezone.utc)
SPACE: Space = {"rate": Real(0.001, 1.0, log=True), "leaves": Whole(2, 64), "kind": Choice(["good", "bad"])}
POINTS: Space = {"leaves": Whole(10, 40, step=10), "kind": Choice(["good", "bad"])}
Values = Mapping[str, Any]
Measure = Callable[[int, Values], Iterator[float]]


def bowl(number: int, values: Values) -> Iterator[float]:
    """Best at a rate of 0.03, 20 leaves and the good kind; two folds, which differ by a little."""
    off = (np.log10(values.get("rate", 0.03)) - np.log10(0.03)) ** 2 + ((values["leaves"] - 20) / 30) ** 2
    for fold in range(2):
        yield -float(off + (values["kind"] == "bad") + 0.01 * fold)


def tried(
    spark: SparkSession, store: Path, declared: Search, measure: Measure = bowl, until: float | None = None,
    lower_is_better: bool = False,
) -> list[Trial]:  # fmt: skip
    """All trials of a search of the name `tried`, by what is measured."""
    with opened(store, "tried", declared, lower_is_better) as kept:
        Trying(kept, measure, 2, lambda trial: None, until).run(spark, declared.side_by_side)
        return kept.trials()


def without_times(trials: list[Trial]) -> list[Trial]:
    return [replace(trial, began=AT, seconds=0.0) for trial in trials]


def best(trials: list[Trial]) -> Trial:
    return max((trial for trial in trials if trial.value is not None), key=lambda trial: trial.value or 0.0)


def test_tpe_finds_a_planted_optimum(spark: SparkSession, tmp_path: Path) -> None:
    trials = tried(spark, tmp_path, Search(SPACE, trials=30, side_by_side=1))
    found = best(trials)
    values: dict[str, Any] = dict(found.values)
    assert values["kind"] == "good"
    assert 0.01 < values["rate"] < 0.1
    assert abs(values["leaves"] - 20) <= 8
    assert found.value == pytest.approx(np.mean(list(bowl(0, values))))
    assert [trial.number for trial in trials] == list(range(30))
    later = [trial.values["kind"] for trial in trials[15:]]
    assert later.count("good") > 10, "it learns from the trials before"


def test_a_loss_is_made_small(spark: SparkSession, tmp_path: Path) -> None:
    def loss(number: int, values: Values) -> Iterator[float]:
        yield from (-value for value in bowl(number, values))

    declared = Search({"leaves": Whole(2, 64), "kind": Choice(["bad", "good"])}, trials=20, side_by_side=1)
    trials = tried(spark, tmp_path, declared, loss, lower_is_better=True)
    assert min(trial.value for trial in trials if trial.value is not None) < 0.1


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_search_that_was_stopped_midway_ends_as_one_that_was_not(
    spark: SparkSession, tmp_path: Path, sampler: Any
) -> None:
    space = POINTS if sampler == "grid" else SPACE
    declared = Search(space, trials=13, sampler=sampler, side_by_side=1)
    whole = tried(spark, tmp_path / "whole", declared)
    measured: list[int] = []

    def noted(number: int, values: Values) -> Iterator[float]:
        measured.append(number)
        for fold, value in enumerate(bowl(number, values)):
            if number == 3 and fold == 1 and measured.count(3) == 1:
                raise KeyboardInterrupt
            yield value

    with pytest.raises(KeyboardInterrupt):
        tried(spark, tmp_path / "stopped", declared, noted)
    again = tried(spark, tmp_path / "stopped", declared, noted)
    assert without_times(again) == without_times(whole)
    assert measured == [0, 1, 2, 3, *range(3, declared.turns)]
    assert {trial.state for trial in again} <= {"finished", "pruned"}


def test_more_trials_go_on_with_those_that_are_there(spark: SparkSession, tmp_path: Path) -> None:
    few = tried(spark, tmp_path / "few", Search(SPACE, trials=4, side_by_side=1))
    more = tried(spark, tmp_path / "few", Search(SPACE, trials=7, side_by_side=1))
    assert more[:4] == few
    assert without_times(more) == without_times(
        tried(spark, tmp_path / "at once", Search(SPACE, trials=7, side_by_side=1))
    )


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_random_and_grid_try_the_same_however_many_run_at_once(
    spark: SparkSession, tmp_path: Path, sampler: Any
) -> None:
    space = POINTS if sampler == "grid" else SPACE
    declared = Search(space, trials=8, sampler=sampler, pruning=False)
    one, two = (tried(spark, tmp_path / str(n), replace(declared, side_by_side=n)) for n in (1, 2))
    assert without_times(one) == without_times(two)
    assert len({tuple(trial.values.items()) for trial in one}) == 8
    other = tried(spark, tmp_path / "seed", replace(declared, seed=1))
    assert (without_times(other) == without_times(one)) == (sampler == "grid")


def test_trials_run_at_the_same_time(spark: SparkSession, tmp_path: Path) -> None:
    together = threading.Barrier(2, timeout=20)

    def meeting(number: int, values: Values) -> Iterator[float]:
        together.wait()
        yield from bowl(number, values)

    trials = tried(spark, tmp_path, Search(SPACE, trials=8, side_by_side=2, pruning=False), meeting)
    assert [trial.number for trial in trials] == list(range(8))
    assert {trial.state for trial in trials} == {"finished"}


def test_a_trial_that_is_worse_than_most_ends_after_a_fold(spark: SparkSession, tmp_path: Path) -> None:
    def by_number(number: int, values: Values) -> Iterator[float]:
        yield from [-5.0 if number == 7 else float(number)] * 2

    declared = Search(SPACE, trials=9, sampler="random", side_by_side=1)
    trials = tried(spark, tmp_path / "pruned", declared, by_number)
    assert (trials[7].state, trials[7].by_fold, trials[7].value) == ("pruned", (-5.0,), None)
    assert [trial.state for trial in trials].count("finished") == 8
    kept = tried(spark, tmp_path / "kept", replace(declared, pruning=False), by_number)
    assert (kept[7].state, kept[7].by_fold) == ("finished", (-5.0,) * 2)


def test_a_failed_trial_is_told_with_its_reason_and_the_others_go_on(spark: SparkSession, tmp_path: Path) -> None:
    asked: list[int] = []

    def failing(number: int, values: Values) -> Iterator[float]:
        asked.append(number)
        if number == 2:
            raise ConfigurationError.of("fit", "num_leaves of -1", "2 or more", "another number")
        if number == 3 and asked.count(3) == 1:
            raise EnvironmentFailure.of("fit", "a worker that is gone", "training that ends")
        yield from bowl(number, values)

    declared = Search(SPACE, trials=5, sampler="random", side_by_side=1, pruning=False)
    trials = tried(spark, tmp_path, declared, failing)
    assert [trial.state for trial in trials] == ["finished", "finished", "failed", "failed", "finished"]
    assert trials[2].reason == "fit: found num_leaves of -1, expected 2 or more"
    again = tried(spark, tmp_path, declared, failing)
    assert [trial.state for trial in again] == ["finished", "finished", "failed", "finished", "finished"]
    assert asked == [0, 1, 2, 3, 4, 3], "what failed by its environment is done again, what was refused is not"
    assert again[3].values == trials[3].values


def test_an_error_in_one_trial_ends_the_spark_jobs_of_the_others(spark: SparkSession, tmp_path: Path) -> None:
    begun = threading.Event()

    def broken(number: int, values: Values) -> Iterator[float]:
        if number == 0:
            assert begun.wait(20)
            time.sleep(0.5)
            raise ZeroDivisionError("a mistake in an estimator")
        begun.set()
        spark.range(2).selectExpr("java_method('java.lang.Thread', 'sleep', 60000L + id)").collect()
        yield 0.0

    clock = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        tried(spark, tmp_path, Search(SPACE, trials=4), broken)
    assert time.monotonic() - clock < 30
    assert len(tried(spark, tmp_path, Search(SPACE, trials=4))) == 4


def test_a_second_search_of_the_same_store_waits_its_turn(spark: SparkSession, tmp_path: Path) -> None:
    declared = Search(SPACE, trials=2, side_by_side=1)
    with opened(tmp_path, "tried", declared, False), pytest.raises(EnvironmentFailure, match="is working on it"):
        tried(spark, tmp_path, declared)


def test_a_store_that_no_database_has_is_told(spark: SparkSession) -> None:
    with pytest.raises(ConfigurationError, match="a folder, or a database's URL"):
        tried(spark, "hdfs://place/search", Search(SPACE))  # type: ignore[arg-type]


def test_a_database_keeps_the_trials_too(spark: SparkSession, tmp_path: Path) -> None:
    url: Any = f"sqlite:///{tmp_path / 'all.db'}"
    declared = Search(SPACE, trials=3, sampler="random")
    assert tried(spark, url, declared) == tried(spark, url, declared)
    assert len(optuna.load_study(study_name="tried", storage=url).trials) == 3


def test_optuna_stays_quiet_and_as_loud_as_it_was(
    spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tried(spark, tmp_path, Search(SPACE, trials=3))
    assert optuna.logging.get_verbosity() == before
    assert "optuna" not in capfd.readouterr().err.lower()


@pytest.fixture(scope="module")
def folds(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    made = folds_of(spark, str(tmp_path_factory.mktemp("scratch")))
    frames = [made[0][0].rows, *(held_out for _, held_out in made)]
    for frame in frames:
        frame.cache()
    yield made
    for frame in frames:
        frame.unpersist()


@dataclass(frozen=True)
class Seen:
    """A search over two folds, what was told of it meanwhile, and what its fits were given."""

    found: Searched[Stump]
    heard: list[Trial]
    learnings: list[Learning]


@pytest.fixture(scope="module")
def seen(folds: Any, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    declared = Search({"threshold": Choice([0.2, OPTIMUM])}, sampler="grid", time_limit=timedelta(minutes=9))
    heard: list[Trial] = []
    learnings: list[Learning] = []
    told: dict[str, Any] = {"store": tmp_path_factory.mktemp("seen"), "study": "seen", "listen": heard.append}
    return Seen(search(declared, Stump(before=learnings.append), folds, "f1", **told), heard, learnings)


def found_by_stumps(
    folds: Any, store: Path, metric: str = "f1", declared: Search | None = None, **others: Any
) -> Searched[Stump]:
    grid = Search({"threshold": Choice([0.2, OPTIMUM])}, sampler="grid")
    return search(declared or grid, Stump(), folds, metric, store=store, study="stumps", **others)


def test_the_best_estimator_is_the_one_that_scores_best_on_the_held_out_rows(folds: Any, seen: Seen) -> None:
    found = seen.found
    assert found.estimator == Stump(OPTIMUM)
    assert found.values == {"threshold": OPTIMUM}
    for trial in found.trials:
        by_hand = []
        for _, held_out in folds:
            rows = held_out.toPandas()
            by_hand.append(sk.f1_score(rows["label"], rows["x"] > trial.values["threshold"]))
        assert trial.by_fold == pytest.approx(by_hand, abs=1e-9)
        assert trial.value == pytest.approx(np.mean(by_hand))
    assert found.value == max(trial.value or 0 for trial in found.trials)
    assert sorted(seen.heard, key=lambda trial: trial.number) == list(found.trials)
    assert found.is_complete
    assert found.importance == {}, "two trials tell nothing of it"


def test_trials_share_no_scratch_folder_and_fits_have_no_more_time_than_the_search(folds: Any, seen: Seen) -> None:
    assert len({learning.scratch for learning in seen.learnings}) == 4
    assert all(learning.scratch.startswith(folds[0][0].scratch) for learning in seen.learnings)
    limits = [learning.time_limit for learning in seen.learnings]
    assert all(limit is not None and timedelta(minutes=1) < limit <= timedelta(minutes=9) for limit in limits)


def test_the_same_rows_are_the_same_search_however_they_lie_and_others_are_another(folds: Any, tmp_path: Path) -> None:
    (learning, held_out), _ = folds
    FITS.clear()
    first = found_by_stumps([(learning, held_out)], tmp_path)
    assert len(FITS) == 2
    turned = replace(learning, rows=learning.rows.repartition(3, "x"), scratch="elsewhere")
    heard: list[Trial] = []
    again = found_by_stumps([(turned, held_out.orderBy("x"))], tmp_path, listen=heard.append)
    assert again.trials == first.trials == tuple(heard)
    assert len(FITS) == 2, "nothing is fitted twice"
    assert found_by_stumps([(learning, held_out.where("id != 7"))], tmp_path).study != first.study
    assert len(FITS) == 4


def test_a_search_whose_time_is_over_tells_what_it_has_and_goes_on_later(folds: Any, tmp_path: Path) -> None:
    declared = Search({"threshold": Whole(0, 1)}, trials=1, sampler="random", side_by_side=1)
    limited = replace(declared, time_limit=timedelta(milliseconds=1))
    one = folds[:1]
    with pytest.raises(TrainingStopped, match="a trial done within time_limit"):
        search(limited, Stump(), one, "ks", store=tmp_path, study="slow")
    assert search(declared, Stump(), one, "ks", store=tmp_path, study="slow").is_complete
    assert search(limited, Stump(), one, "ks", store=tmp_path, study="slow").is_complete, "nothing is left to do"


def test_a_trial_under_way_when_the_time_is_over_is_dropped_and_done_again(spark: SparkSession, tmp_path: Path) -> None:
    is_slow = True

    def slow(number: int, values: Values) -> Iterator[float]:
        yield 1.0
        if number == 1 and is_slow:
            time.sleep(2.0)
            raise TrainingStopped.of("fit", "3 of 9 rounds", "all")
        if number == 0:
            raise TrainingStopped.of("fit", "3 of 9 rounds", "all within its own limit")
        yield 1.0

    declared = Search(SPACE, trials=3, sampler="random", side_by_side=1, pruning=False)
    trials = tried(spark, tmp_path, declared, slow, until=time.monotonic() + 1.5)
    assert [(trial.number, trial.state) for trial in trials] == [(0, "failed")]
    is_slow = False
    trials = tried(spark, tmp_path, declared, slow)
    assert [trial.state for trial in trials] == ["failed", "finished", "finished"]


def test_a_search_whose_trials_all_fail_tells_each_reason_once(folds: Any, tmp_path: Path) -> None:
    declared = Search({"threshold": Choice([1.5, 1.6, 3.0])}, sampler="grid")
    with pytest.raises(DataError, match="all 3 trials failed") as told:
        found_by_stumps(folds, tmp_path, declared=declared)
    assert [problem.where for problem in told.value.problems] == ["trial 0", "trial 2"]
    assert "a threshold above 1" in str(told.value)
    assert "a threshold of 3.0, expected 2 at most" in str(told.value)


def test_a_metric_that_the_scores_do_not_define_fails_the_trial(folds: Any, tmp_path: Path) -> None:
    declared = Search({"objective": Choice(["binary", "regression"])}, sampler="grid")
    found = search(declared, Stump(OPTIMUM), folds[:1], "log_loss", store=tmp_path, study="losses")
    assert [trial.state for trial in found.trials] == ["finished", "failed"]
    assert "log_loss is not defined for the held-out rows" in found.trials[1].reason


def test_what_no_trial_could_learn_from_is_told_before_the_first(
    spark: SparkSession, folds: Any, tmp_path: Path
) -> None:
    FITS.clear()
    (learning, held_out), (_, other) = folds
    constant = learning.rows.withColumn("label", F.lit(1))
    unlabelled = other.withColumn("label", F.expr("if(id < 3, NULL, label)"))
    wrong = [(replace(learning, rows=constant), held_out.where("id < 0")), (learning, unlabelled)]
    with pytest.raises(DataError, match="3 problems") as told:
        found_by_stumps(wrong, tmp_path)
    text = str(told.value)
    assert "fold 0: rows: found label is 1 in all rows" in text
    assert "fold 0: held-out rows: found no rows" in text
    assert "fold 1: held-out rows: found no label in 3 of 400 rows" in text
    with pytest.raises(ConfigurationError, match=r"fold 1: held-out rows: found no column 'x'"):
        found_by_stumps([(learning, held_out), (learning, other.drop("x"))], tmp_path)
    assert FITS == []


def test_all_that_does_not_fit_is_told_at_once(folds: Any, tmp_path: Path) -> None:
    (learning, held_out), _ = folds
    many = [(replace(learning, workers=2), held_out)]
    declared = Search({"treshold": Real(0.0, 1.0)}, side_by_side=3)
    with pytest.raises(ConfigurationError, match="3 problems") as told:
        found_by_stumps(many, tmp_path, "f2", declared)
    text = str(told.value)
    for part in (
        "did you mean 'threshold'?", "metric 'f2'", "3 side by side of 2 workers each, with 2 slots", "side_by_side=1",
    ):  # fmt: skip
        assert part in text, part
    with pytest.raises(ConfigurationError, match="search: folds: found none"):
        found_by_stumps([], tmp_path)


def test_each_metric_is_searched_in_its_direction(spark: SparkSession) -> None:
    def told(of_positive: float, of_negative: float) -> Any:
        score = f"CASE WHEN label THEN {of_positive} ELSE {of_negative} END - pmod(id, 97) / 1000"
        return classifier_metrics(labelled(spark).selectExpr("label", f"{score} AS score"))

    good, bad = told(0.98, 0.1), told(0.42, 0.4)
    for metric in METRICS:
        values = [m.lift[0] if metric == "lift_of_top_tenth" else getattr(m, metric) for m in (good, bad)]
        assert (values[0] < values[1]) == (metric in LOSSES), metric


def test_lightgbm_in_barrier_tasks_is_searched_and_what_it_is_refused_is_told(
    spark: SparkSession, folds: Any, tmp_path: Path
) -> None:
    declared = Search({"parameters.min_data_in_leaf": Choice([10, 900]), "rounds": Choice([3])}, sampler="grid")
    found = search(declared, Trees(), folds[:1], "roc_auc", store=tmp_path, study="trees")
    assert found.values == {"parameters.min_data_in_leaf": 10, "rounds": 3}
    assert found.value > 0.8
    assert found.estimator.parameters == {"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 10}
    assert [trial.state for trial in found.trials] == ["finished", "failed"]
    assert "two leaves of 900" in found.trials[1].reason


def test_importance_says_what_the_values_differ_by(spark: SparkSession, tmp_path: Path) -> None:
    def by_leaves(number: int, values: Values) -> Iterator[float]:
        yield from [float(values["leaves"])] * 2

    declared = Search(SPACE, trials=16, sampler="random", side_by_side=1, pruning=False)
    with opened(tmp_path, "tried", declared, False) as kept:
        Trying(kept, by_leaves, 2, lambda trial: None).run(spark, 1)
        shares = kept.importance()
    assert shares.keys() == SPACE.keys()
    assert shares["leaves"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
