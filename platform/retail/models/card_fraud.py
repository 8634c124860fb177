"""card_fraud: the probability that a card payment is a fraud."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aurify import ByTime, Gate, Training, model
from aurify.models import Fallback, LightGBM, Monitoring, Scoring, TopK

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WEEK = timedelta(days=7)


@model(
    "card_fraud",
    data=Training(
        labels="silver.fraud_reports",
        views=("gold.customer_payments", "gold.terminal_risk"),
        target="is_fraud",
        time="paid_at",
        known_at="reported_at",
    ),
    split=ByTime(train=WEEK, gap=WEEK, test=WEEK),
    estimator=LightGBM(
        {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 20, "learning_rate": 0.05}, rounds=150
    ),
    features=[
        *("amount", "is_weekend", "is_night"),
        *(f"{what}_{days}d" for days in (1, 7, 30) for what in ("count", "mean_amount")),
        *(f"{what}_{days}d_after_7d" for days in (1, 7, 30) for what in ("count", "share_is_fraud")),
    ],
    metric="average_precision",
    gate=Gate(at_least={"roc_auc": 0.7}),
    top_k=TopK(100, day="paid_date", card="customer_id"),
    segments=["is_night", "is_weekend"],
    unit="customer_id",
    scoring=Scoring(
        rows="gold.customer_payments",
        decide={"review": 0.3, "block": 0.8},
        keep=("amount", "is_night", "is_weekend"),
        entity=("customer_id",),
        fallback=Fallback("CASE WHEN amount > 220 THEN 'review' ELSE 'pass' END"),
    ),
    monitoring=Monitoring(retrain="orange"),
    owner="retail-fraud",
)
def card_fraud(rows: DataFrame) -> DataFrame:
    """How likely a card payment is a fraud, by how the customer has paid and what was found at the terminal.

    A payment that did not pass its own gate has no features. A card that was known to be compromised by then is blocked
    anyway: it is not scored in the test.
    """
    from pyspark.sql import functions as F

    paid = rows.where("customer_id IS NOT NULL")
    found = paid.where("is_fraud").groupBy("customer_id").agg(F.min(F.to_date("reported_at")).alias("_known_on"))
    is_known = (F.col("part") == "test") & (F.col("_known_on") < F.col("paid_date"))
    return paid.join(found, "customer_id", "left").where(~F.coalesce(is_known, F.lit(False))).drop("_known_on")
