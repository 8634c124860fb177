"""bronze.pos_lines: the till's files, as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify import Append, folder, table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@table(
    "bronze.pos_lines",
    inputs={"lines": folder("pos_lines", pattern="*.csv*")},
    time="_delivered_at",
    write=Append(),
    columns="""
        InvoiceNo string, StockCode string, Description string, Quantity string,
        InvoiceDate string, UnitPrice string, CustomerID string, Country string
    """,
    rows="same",
    owner="retail-data",
)
def pos_lines(lines: DataFrame) -> DataFrame:
    """One row per line of a till file, every delivery of every file, all values as text.

    The columns are those of UCI Online Retail, so that its files can be read as they are.
    """
    return lines
