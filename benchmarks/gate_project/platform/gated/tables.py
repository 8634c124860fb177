"""Orders as they arrive, and those that pass twelve rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify import Append, changes, folder, table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COLUMNS = """
    order_id string, customer_id int, country string, status string, amount decimal(12,2), quantity int, email string,
    ordered_at timestamp
"""


@table("bronze.orders", inputs={"orders": folder("orders", format="parquet", columns=COLUMNS, pattern="*.parquet")},
       write=Append(), columns=COLUMNS, rows="same", owner="benchmarks")  # fmt: skip
def orders_as_delivered(orders: DataFrame) -> DataFrame:
    """One row an order, with its place."""
    return orders


@table("silver.orders", inputs={"orders": changes("bronze.orders")}, keys=["order_id"], write=Append(), columns=COLUMNS,
       rows="same", owner="benchmarks")  # fmt: skip
def orders(orders: DataFrame) -> DataFrame:
    """The same columns, no more."""
    return orders.select("order_id", "customer_id", "country", "status", "amount", "quantity", "email", "ordered_at")
