"""silver.fraud_reports: the newest finding on each card payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from aurify import Upsert, changes, table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@table(
    "silver.fraud_reports",
    inputs={"reports": changes("bronze.fraud_reports")},
    keys=["payment_id"],
    time="reported_at",
    write=Upsert(order_by="reported_at", locate_by="paid_date"),
    columns="""
        payment_id bigint, paid_at timestamp, paid_date date, is_fraud boolean, scenario int, reported_at timestamp
    """,
    rows="same",
    owner="retail-data",
)
def fraud_reports(reports: DataFrame) -> DataFrame:
    """One row per card payment that something is known of; `scenario` is how it was done, 0 where it is honest.

    >>> rows = [(7, "2018-04-01 00:00:31", 1, 3, "2018-04-08 00:00:31")]
    >>> reports = spark.createDataFrame(rows, "TRANSACTION_ID bigint, at string, TX_FRAUD bigint, "
    ...     "TX_FRAUD_SCENARIO bigint, said string").selectExpr(
    ...     "*", "CAST(at AS timestamp) AS TX_DATETIME", "CAST(said AS timestamp) AS REPORTED_AT",
    ...     "'1.parquet' AS _source_file", "1 AS _source_row", "1 AS _delivery")
    >>> fraud_reports(reports).select("payment_id", "is_fraud", "scenario", "reported_at").show()
    +----------+--------+--------+-------------------+
    |payment_id|is_fraud|scenario|        reported_at|
    +----------+--------+--------+-------------------+
    |         7|    true|       3|2018-04-08 00:00:31|
    +----------+--------+--------+-------------------+
    <BLANKLINE>
    """
    return reports.select(
        F.col("TRANSACTION_ID").alias("payment_id"),
        F.col("TX_DATETIME").alias("paid_at"),
        F.to_date("TX_DATETIME").alias("paid_date"),
        (F.col("TX_FRAUD") != 0).alias("is_fraud"),
        F.col("TX_FRAUD_SCENARIO").alias("scenario"),
        F.col("REPORTED_AT").alias("reported_at"),
        "_source_file",
        "_source_row",
        "_delivery",
    )
