"""Three tables that take every way there is: append, MERGE with tombstones, groups computed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from aurify import Append, Recompute, Upsert, changes, folder, table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@table(
    "bronze.orders",
    inputs={"lines": folder("orders", pattern="*.csv")},
    time="_delivered_at",
    write=Append(),
    columns="order_no string, placed_on string, amount string, status string",
    rows="same",
    owner="shop",
)
def orders_as_delivered(lines: DataFrame) -> DataFrame:
    """One row per line of an order file."""
    return lines


@table(
    "silver.orders",
    inputs={"lines": changes("bronze.orders")},
    keys="order_no",
    time="placed_on",
    write=Upsert(order_by="changed_at", locate_by="placed_on", delete_when="status = 'cancelled'"),
    columns="order_no string, placed_on date, amount decimal(10,2), status string, changed_at timestamp",
    rows="same",
    owner="shop",
)
def orders(lines: DataFrame) -> DataFrame:
    """One row per order; the delivery tells which version is newer."""
    return lines.select(
        "order_no",
        "placed_on",
        "amount",
        "status",
        F.col("_delivered_at").alias("changed_at"),
        "_source_file",
        "_source_row",
    )


@table(
    "gold.days",
    inputs={"orders": changes("silver.orders")},
    keys=["placed_on", "band"],
    time="placed_on",
    write=Recompute(by="placed_on"),
    columns="placed_on date, band string, orders bigint, amount decimal(20,2)",
    owner="shop",
)
def days(orders: DataFrame) -> DataFrame:
    """One row per day and band of order values."""
    amount = F.col("amount")
    band = F.when(amount == 0, "free").when(amount >= 100, "large").otherwise("small")
    return orders.groupBy("placed_on", band.alias("band")).agg(
        F.count("*").alias("orders"), F.sum("amount").cast("decimal(20,2)").alias("amount")
    )
