"""The part of `fraud` without labels: an isolation forest on the same weeks; labels only choose and judge.

`python -m benchmarks.fraud_forest` measures it alone, into results of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks import fraud, program, results
from benchmarks.meter import Meter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.models.fitted import FittedModel

# NULL where nothing was looked into at the terminal yet: as odd as a terminal without a fraud.
SHARES = tuple(f"share_is_fraud_{days}d_after_7d" for days in (1, 7, 30))
COUNTS = tuple(f"count_{days}d" for days in (1, 7, 30))
RATIO = "amount_per_mean_amount_30d"
FEATURES: Mapping[str, Sequence[str]] = {
    "amounts": ("amount", RATIO),
    "amounts and terminal": ("amount", RATIO, *SHARES),
    "amounts, counts and terminal": ("amount", RATIO, *COUNTS, *SHARES),
}
GRID = [{"features": name, "trees": 100, "sample": sample} for name, sample in product(FEATURES, (256, 2048))]
SEED = 7


def main() -> None:
    """Measure it alone."""
    scratch = program.ROOT / ".aurify"
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        run = fraud.run("benchmarks.fraud_forest:work", Path(folder))
    keep(run["returned"])


def keep(told: dict[str, Any]) -> None:
    """Write what was found to the results."""
    results.write("fraud_forest", {"test": told["found"]["rows"]}, {"found": told["found"]}, told)


def work(spark: SparkSession, meter: Meter, warehouse: str, sources: str) -> dict[str, Any]:
    """Views, training set, and the forest."""
    _, rows = fraud.training_rows(spark, meter, warehouse, sources)
    return measured(rows, meter)


def measured(rows: DataFrame, meter: Meter) -> dict[str, Any]:
    """The forest that the validation weeks choose by their mean area under the ROC curve, on the first test week."""
    weeks = []
    with meter.section("search forest"):
        for asked in GRID:
            weeks.append([_roc_auc(rows, asked, fraud.Fold(day)) for day in fraud.VALIDATIONS])
            print(f"forest {asked}: {fmean(weeks[-1]):.4f}", flush=True)
    best = max(range(len(GRID)), key=lambda place: fmean(weeks[place]))
    with meter.section("test forest"):
        found = fraud.told(_scored(rows, GRID[best], fraud.Fold(fraud.FIRST_TEST)))
    tried = [{**asked, "roc_auc": told} for asked, told in zip(GRID, weeks, strict=True)]
    return {
        "found": found,
        "chosen": {"parameters": GRID[best], "validation_roc_auc": fmean(weeks[best])},
        "tried": tried,
    }


def _roc_auc(rows: DataFrame, asked: Mapping[str, Any], fold: fraud.Fold) -> float:
    from aurify.models import classifier_metrics

    return float(classifier_metrics(_scored(rows, asked, fold), "is_fraud").roc_auc or 0.0)


def _scored(rows: DataFrame, asked: Mapping[str, Any], fold: fraud.Fold) -> DataFrame:
    """The week with the score of a forest that was grown on the week of training."""
    features = FEATURES[asked["features"]]
    model = grown(fold.train_rows(rows), features, asked["trees"], asked["sample"])
    return model.scored(fold.test_rows(rows)).select("paid_date", "customer_id", "is_fraud", "score").localCheckpoint()


def grown(rows: DataFrame, features: Sequence[str], trees: int, sample: int) -> FittedModel:
    """A forest of these rows."""
    from aurify.models import Imputed, IsolationForest
    from aurify.models.estimator import Learning
    from aurify.models.fitting import fit_model

    shares = tuple(name for name in features if name in SHARES)
    stages = [Imputed(shares, by=0.0)] if shares else []
    learning = Learning(rows, None, tuple(features), "is_fraud", ("payment_id",), scratch="", seed=SEED)
    return fit_model("forest", learning, stages, IsolationForest(trees=trees, sample=sample))


if __name__ == "__main__":
    main()
