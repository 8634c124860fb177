"""gold.terminal_risk: how many frauds were known of a terminal, at each payment there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aurify import Window, changes, feature_view

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAY = timedelta(days=1)
KNOWN_AFTER = 7 * DAY


@feature_view(
    "gold.terminal_risk",
    inputs={"payments": changes("silver.card_payments"), "reports": changes("silver.fraud_reports", after=KNOWN_AFTER)},
    entity="terminal_id",
    event_time="paid_at",
    arrival_time="reported_at",
    by="paid_date",
    keys=["payment_id"],
    columns="payment_id bigint, terminal_id bigint, paid_at timestamp, paid_date date",
    features=[
        *(Window("count", days * DAY, delay=KNOWN_AFTER) for days in (1, 7, 30)),
        *(Window("share", days * DAY, "is_fraud", delay=KNOWN_AFTER) for days in (1, 7, 30)),
    ],
    owner="retail-data",
)
def terminal_risk(payments: DataFrame, reports: DataFrame) -> DataFrame:
    """One row per card payment: of the payments at its terminal that were looked into by then, which part was fraud.

    A finding takes a week, so that the windows end a week before the payment; one that takes longer is not seen.
    """
    found = reports.select("payment_id", "is_fraud", "reported_at")
    return payments.join(found, "payment_id", "left")
