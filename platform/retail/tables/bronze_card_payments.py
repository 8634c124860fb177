"""bronze.card_payments: the card terminals' files, as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify import Append, folder, table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@table(
    "bronze.card_payments",
    inputs={"payments": folder("card_payments", format="parquet", pattern="*.parquet")},
    time="_delivered_at",
    write=Append(),
    columns="""
        TRANSACTION_ID bigint, TX_DATETIME timestamp, CUSTOMER_ID bigint, TERMINAL_ID bigint, TX_AMOUNT double
    """,
    rows="same",
    owner="retail-data",
)
def card_payments(payments: DataFrame) -> DataFrame:
    """One row per payment of a file, every delivery of every file.

    The columns are those of the Fraud Detection Handbook without its labels, which come later and by themselves.
    """
    return payments
