"""gold.daily_sales: what was sold, by day, country and product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from aurify import Recompute, changes, table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@table(
    "gold.daily_sales",
    inputs={"lines": changes("silver.pos_lines")},
    keys=["sold_date", "country", "stock_code"],
    time="sold_date",
    write=Recompute(by=["sold_date"]),
    columns="""
        sold_date date, country string, stock_code string, lines bigint, cancelled_lines bigint,
        units_sold bigint, units_returned bigint, gross_amount decimal(18,4), returned_amount decimal(18,4),
        net_amount decimal(18,4), invoices int, known_customers int
    """,
    owner="retail-data",
)
def daily_sales(lines: DataFrame) -> DataFrame:
    """One row per day, country and product, with what was sold, what was returned, and to how many.

    Returned units and amounts are positive; `net_amount` is gross less returned, in the currency of the till.

    >>> rows = [("A1", 3, False, "17850"), ("CA2", -1, True, None)]
    >>> text = "invoice_no string, quantity int, is_cancelled boolean, customer_id string"
    >>> lines = spark.createDataFrame(rows, text).selectExpr(
    ...     "*", "DATE'2010-12-01' AS sold_date", "'France' AS country", "'22423' AS stock_code",
    ...     "CAST(2.5 AS decimal(12,4)) AS unit_price")
    >>> daily_sales(lines).select("units_sold", "units_returned", "net_amount", "invoices", "known_customers").show()
    +----------+--------------+----------+--------+---------------+
    |units_sold|units_returned|net_amount|invoices|known_customers|
    +----------+--------------+----------+--------+---------------+
    |         3|             1|    5.0000|       2|              1|
    +----------+--------------+----------+--------+---------------+
    <BLANKLINE>
    """
    amount = (F.col("quantity") * F.col("unit_price")).cast("decimal(18,4)")
    return (
        lines.groupBy("sold_date", "country", "stock_code")
        .agg(
            F.count("*").alias("lines"),
            F.count_if("is_cancelled").alias("cancelled_lines"),
            sum_where(~F.col("is_cancelled"), F.col("quantity")).alias("units_sold"),
            sum_where(F.col("is_cancelled"), -F.col("quantity")).alias("units_returned"),
            sum_where(~F.col("is_cancelled"), amount).alias("gross_amount"),
            sum_where(F.col("is_cancelled"), -amount).alias("returned_amount"),
            # A group is one product's day: its few invoices are counted in one pass, which two count(DISTINCT) are not.
            F.size(F.collect_set("invoice_no")).alias("invoices"),
            F.size(F.collect_set("customer_id")).alias("known_customers"),
        )
        .withColumn("net_amount", F.col("gross_amount") - F.col("returned_amount"))
        .select(
            "sold_date",
            "country",
            "stock_code",
            "lines",
            "cancelled_lines",
            "units_sold",
            "units_returned",
            "gross_amount",
            "returned_amount",
            "net_amount",
            "invoices",
            "known_customers",
        )
    )


def sum_where(condition: Column, value: Column) -> Column:
    """The sum of a value over the rows of a group that a condition holds for; 0 where it holds for none."""
    return F.coalesce(F.sum(F.when(condition, value)), F.lit(0))
