"""silver.card_payments: card payments, each once, with an exact amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from aurify import Upsert, changes, table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@table(
    "silver.card_payments",
    inputs={"payments": changes("bronze.card_payments")},
    keys=["payment_id"],
    time="paid_at",
    write=Upsert(order_by="changed_at", locate_by="paid_date"),
    columns="""
        payment_id bigint, paid_at timestamp, paid_date date, customer_id bigint, terminal_id bigint,
        amount decimal(12,2) UNIT 'EUR', changed_at timestamp
    """,
    rows="same",
    owner="retail-data",
)
def card_payments(payments: DataFrame) -> DataFrame:
    """One row per card payment: who paid where, when and how much.

    >>> rows = [(7, "2018-04-01 00:00:31", 596, 3156, 57.16, "2018-04-02")]
    >>> payments = spark.createDataFrame(rows, "TRANSACTION_ID bigint, at string, CUSTOMER_ID bigint, "
    ...     "TERMINAL_ID bigint, TX_AMOUNT double, said string").selectExpr(
    ...     "*", "CAST(at AS timestamp) AS TX_DATETIME", "CAST(said AS timestamp) AS _delivered_at",
    ...     "'1.parquet' AS _source_file", "1 AS _source_row", "1 AS _delivery")
    >>> card_payments(payments).select("payment_id", "paid_date", "customer_id", "amount").show()
    +----------+----------+-----------+------+
    |payment_id| paid_date|customer_id|amount|
    +----------+----------+-----------+------+
    |         7|2018-04-01|        596| 57.16|
    +----------+----------+-----------+------+
    <BLANKLINE>
    """
    return payments.select(
        F.col("TRANSACTION_ID").alias("payment_id"),
        F.col("TX_DATETIME").alias("paid_at"),
        F.to_date("TX_DATETIME").alias("paid_date"),
        F.col("CUSTOMER_ID").alias("customer_id"),
        F.col("TERMINAL_ID").alias("terminal_id"),
        F.col("TX_AMOUNT").alias("amount"),
        F.col("_delivered_at").alias("changed_at"),
        "_source_file",
        "_source_row",
        "_delivery",
    )
