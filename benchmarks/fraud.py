"""`fraud`: the Fraud Detection Handbook's protocol on its real payments, through views, training set, fit and metrics.

Not a race: how good the detection is. Train on seven days, wait seven for their labels, test on seven; parameters are
chosen on weeks before the test, which is looked at once for each set of features, and once for the isolation forest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from benchmarks import program, results
from benchmarks.meter import Meter
from benchmarks.program import ROOT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REAL = ROOT.parent / "shared" / "data" / "fraud_handbook" / "by-day"
VIEWS = ("gold.customer_payments", "gold.terminal_risk")
WEEK = timedelta(days=7)
FIRST_TEST, TESTS = date(2018, 8, 8), 4  # the handbook's test week, then three more
VALIDATIONS = [date(2018, 7, 25) - n * WEEK for n in range(4)]  # known by the end of training for the first test
LOOK_BACK = timedelta(days=40)
PUBLISHED = (
    "amount", "is_weekend", "is_night",
    *(f"{what}_{days}d" for what, days in product(("count", "mean_amount"), (1, 7, 30))),
    *(f"{what}_{days}d_after_7d" for what, days in product(("count", "share_is_fraud"), (1, 7, 30))),
)  # fmt: skip
OWN = (*PUBLISHED, "max_amount_30d", "lag1_amount_30d", "amount_per_mean_amount_30d")
# Linear leaves weigh an amount against its customer's mean, for which constant ones need many splits.
GRID = [
    {"num_leaves": leaves, "bagging_fraction": part, "linear_tree": is_linear}
    for leaves, part, is_linear in ((31, 0.8, False), (31, 0.8, True), (31, 0.5, True), (15, 0.5, True))
]
FIXED = {"objective": "binary", "min_data_in_leaf": 100, "learning_rate": 0.05, "bagging_freq": 1, "linear_lambda": 1.0}
ROUNDS = 80
SEEDS = (7, 8, 9, 10, 11)  # a score is the mean of so many fits, which differ by the rows that they draw


def measure(scratch: Path) -> None:
    """Write how well it went, or say that the data is missing."""
    if not REAL.is_dir():
        print("fraud: the real data is not beside the project")
        return
    done = run("benchmarks.fraud:work", scratch)
    found = done["returned"]
    results.write("fraud", {"payments": found["payments"]}, found["found"], {**found["chosen"], "costs": done["costs"]})


def run(function: str, scratch: Path) -> dict[str, Any]:
    """Call a function in a session that has SynapseML, with the warehouse and the sources in a scratch folder."""
    from aurify.models.isolation_forest import COORDINATES

    folders = {name: str(scratch / name) for name in ("warehouse", "sources")}
    return program.run(function, packages=COORDINATES, **folders)


@dataclass(frozen=True)
class Fold:
    """A week of payments to be scored; what is learned was known before it."""

    test: date

    @property
    def train(self) -> date:
        """The first day of training."""
        return self.test - 2 * WEEK

    def train_rows(self, rows: DataFrame) -> DataFrame:
        """The seven days of training, a week before the test."""
        return _between(rows, self.train, self.train + WEEK)

    def test_rows(self, rows: DataFrame) -> DataFrame:
        """The seven days of the test, without cards that were known to be compromised by the day before."""
        from pyspark.sql import functions as F

        frauds = _between(rows, self.train, self.test + WEEK).where("is_fraud")
        known = frauds.groupBy("customer_id").agg(F.min(F.to_date("reported_at")).alias("known_on"))
        week = _between(rows, self.test, self.test + WEEK).join(known, "customer_id", "left")
        return week.where("known_on IS NULL OR known_on >= paid_date").drop("known_on")


def _between(rows: DataFrame, first: date, until: date) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.where((F.col("paid_date") >= F.lit(first)) & (F.col("paid_date") < F.lit(until)))


def training_rows(spark: SparkSession, meter: Meter, warehouse: str, sources: str) -> tuple[int, DataFrame]:
    """How many payments there are, and their training set, made through the views."""
    from aurify import connect
    from retail.handbook import split

    first = VALIDATIONS[-1] - 2 * WEEK
    last = FIRST_TEST + TESTS * WEEK
    files = [f for f in sorted(REAL.glob("*.parquet")) if first - LOOK_BACK <= date.fromisoformat(f.stem) < last]
    payments = split(files, Path(sources))
    os.environ.update(AURIFY_SOURCES=sources, AURIFY_WAREHOUSE=warehouse)
    lake = connect("local", project=ROOT, spark=spark)
    with meter.section("views"):
        report = lake.refresh(*(f"+{view}" for view in VIEWS))
    if report.exit_code:
        raise SystemExit(f"the refresh ended with {report.exit_code}: {report.as_dict()}")
    with meter.section("training set"):
        made = lake.training_set(
            "card_fraud", "silver.fraud_reports", VIEWS, target="is_fraud", time="paid_at", between=(first, last)
        )
    return payments, made.read(spark).cache()


def work(spark: SparkSession, meter: Meter, warehouse: str, sources: str) -> dict[str, Any]:
    """Views, training set, a choice by validation weeks, and the test weeks."""
    from benchmarks import fraud_forest

    payments, rows = training_rows(spark, meter, warehouse, sources)
    found: dict[str, Any] = {}
    chosen: dict[str, Any] = {}
    for name, features in {"published": PUBLISHED, "own": OWN}.items():
        with meter.section(f"search {name}"):
            parameters, precision = _chosen(rows, features)
        chosen[name] = {"parameters": parameters, "validation_average_precision": precision}
        with meter.section(f"tests {name}"):
            weeks = [told(_scored(rows, features, parameters, Fold(FIRST_TEST + n * WEEK))) for n in range(TESTS)]
        found[name] = {**weeks[0], "prequential": _spread(weeks)}
    forest = fraud_forest.measured(rows, meter)
    found["forest"], chosen["forest"] = forest["found"], {**forest["chosen"], "tried": forest["tried"]}
    return {"payments": payments, "found": found, "chosen": chosen}


def _chosen(rows: DataFrame, features: Sequence[str]) -> tuple[dict[str, Any], float]:
    """The parameters with the best mean average precision over the validation weeks."""
    scores = {
        place: fmean(_average_precision(rows, features, parameters, day) for day in VALIDATIONS)
        for place, parameters in enumerate(GRID)
    }
    best = max(scores, key=lambda place: scores[place])
    return GRID[best], scores[best]


def _average_precision(rows: DataFrame, features: Sequence[str], parameters: Mapping[str, Any], day: date) -> float:
    from aurify.models import classifier_metrics

    scores = _scored(rows, features, parameters, Fold(day))
    return float(classifier_metrics(scores, "is_fraud").average_precision or 0.0)


def _scored(rows: DataFrame, features: Sequence[str], parameters: Mapping[str, Any], fold: Fold) -> DataFrame:
    """The week with the mean score of the fits of all seeds."""
    from pyspark.sql import functions as F

    from aurify.models.barrier_lightgbm import fit, scored

    told = ("paid_date", "customer_id", "is_fraud")
    train, scores = fold.train_rows(rows), fold.test_rows(rows).select(*told, *features)
    columns = [f"score_{seed}" for seed in SEEDS]
    for seed, column in zip(SEEDS, columns, strict=True):
        fitted = fit(
            train,
            features=features,
            label="is_fraud",
            parameters={**FIXED, **parameters, "seed": seed},
            workers=1,
            rounds=ROUNDS,
            order_by=["payment_id"],
        )
        scores = scored(scores, fitted.model_text, features, column)
    mean = sum((F.col(column) for column in columns), F.lit(0.0)) / len(columns)
    return scores.select(*told, mean.alias("score")).localCheckpoint()


def told(scores: DataFrame) -> dict[str, Any]:
    """How good the scores of a week are."""
    from aurify.models import card_precision_top_k, classifier_metrics, interval

    metrics = classifier_metrics(scores, "is_fraud")
    cards = card_precision_top_k(scores, 100, day="paid_date", card="customer_id", label="is_fraud")
    sure = interval(scores, "average_precision", unit="customer_id", label="is_fraud")
    wanted = ("rows", "positives", "roc_auc", "average_precision", "recall_at_precision", "ks", "brier")
    usual = {name: value for name, value in asdict(metrics).items() if name in wanted}
    return {**usual, "card_precision_at_100": cards.mean, "average_precision_95": [sure.low, sure.high]}


def _spread(weeks: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Mean and deviation over the test weeks."""
    names = ("roc_auc", "average_precision", "card_precision_at_100", "recall_at_precision")
    return {name: [fmean(w[name] for w in weeks), stdev(w[name] for w in weeks)] for name in names}
