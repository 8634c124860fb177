"""gold.customer_payments: how a customer has paid so far, at each of his payments."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aurify import Calendar, Lag, Ratio, Window, changes, feature_view

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAY = timedelta(days=1)


@feature_view(
    "gold.customer_payments",
    inputs={"payments": changes("silver.card_payments")},
    entity="customer_id",
    event_time="paid_at",
    by="paid_date",
    keys=["payment_id"],
    columns="""
        payment_id bigint, customer_id bigint, paid_at timestamp, paid_date date, amount decimal(12,2) UNIT 'EUR'
    """,
    features=[
        *(Window("count", days * DAY) for days in (1, 7, 30)),
        *(Window("mean", days * DAY, "amount") for days in (1, 7, 30)),
        Window("max", 30 * DAY, "amount"),
        Lag("amount", 30 * DAY),
        Ratio("amount", "mean_amount_30d"),
        Calendar("is_weekend"),
        Calendar("is_night"),
    ],
    owner="retail-data",
)
def customer_payments(payments: DataFrame) -> DataFrame:
    """One row per card payment: how many the customer made by then, and of how much, the payment itself included."""
    return payments
