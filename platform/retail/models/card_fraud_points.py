"""card_fraud_points: the same question as a card of points, which people can read and tell a customer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aurify import ByTime, Gate, Training, model
from aurify.models import Choice, ScoreCard, Search, Uncorrelated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WEEK = timedelta(days=7)


@model(
    "card_fraud_points",
    data=Training(
        labels="silver.fraud_reports",
        views=("gold.customer_payments", "gold.terminal_risk"),
        target="is_fraud",
        time="paid_at",
        known_at="reported_at",
    ),
    split=ByTime(train=WEEK, gap=WEEK, test=WEEK),
    estimator=ScoreCard(monotone=True),
    # Windows of 1, 7 and 30 days say nearly the same: one of them each makes a shorter card.
    stages=[Uncorrelated(limit=0.8)],
    # A terminal where frauds were found is rare: large bins would put it together with others.
    search=Search({"bins": Choice((5, 20)), "fewest_in_bin": Choice((0.005, 0.05))}, trials=4, sampler="grid"),
    metric="average_precision",
    gate=Gate(at_least={"roc_auc": 0.65}),
    unit="customer_id",
    owner="retail-fraud",
)
def card_fraud_points(rows: DataFrame) -> DataFrame:
    """How likely a card payment is a fraud, in points that add up, so that each can be told with its reasons.

    It explains payments of blocked cards as well: none is left out but those that did not pass their own gate, which
    have no features.
    """
    return rows.where("customer_id IS NOT NULL")
