"""bronze.fraud_reports: what became known of card payments, as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify import Append, folder, table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@table(
    "bronze.fraud_reports",
    inputs={"reports": folder("fraud_reports", format="parquet", pattern="*.parquet")},
    time="_delivered_at",
    write=Append(),
    columns="""
        TRANSACTION_ID bigint, TX_DATETIME timestamp, TX_FRAUD bigint, TX_FRAUD_SCENARIO bigint, REPORTED_AT timestamp
    """,
    rows="same",
    owner="retail-data",
)
def fraud_reports(reports: DataFrame) -> DataFrame:
    """One row per payment that was found to be honest or a fraud, days after it was made."""
    return reports
