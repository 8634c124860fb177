"""silver.pos_lines: till lines with clean text, types and a stable id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from aurify import Upsert, changes, table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@table(
    "silver.pos_lines",
    inputs={"lines": changes("bronze.pos_lines")},
    keys=["line_id"],
    time="sold_at",
    write=Upsert(order_by="changed_at", locate_by="sold_date"),
    columns="""
        line_id string, invoice_no string, stock_code string, line_no int, description string,
        quantity int, sold_at timestamp, sold_date date, unit_price decimal(12,4),
        customer_id string, is_known_customer boolean, country string, is_cancelled boolean, changed_at timestamp
    """,
    rows="same",
    owner="retail-data",
)
def pos_lines(lines: DataFrame) -> DataFrame:
    """One row per till line, with clean text, a known or unknown customer and a stable line id.

    The till gives a line no number. Its id is made of invoice, stock code, day of sale and `line_no`, which counts
    the lines of one invoice and stock code within one delivery of a file. So a corrected line keeps its id, and the
    same line in another file is the same line. Quantity, price and time stay text here: the engine casts them.

    >>> text = "InvoiceNo string, StockCode string, Quantity string, InvoiceDate string, CustomerID string"
    >>> rows = [("536365", "85123a", "6", "2010-12-01 08:26:00", "17850.0"),
    ...         ("C536379", "D", "-1", "2010-12-01 09:41:00", None)]
    >>> lines = spark.createDataFrame(rows, text).selectExpr(
    ...     "*", "' WHITE  HEART ' AS Description", "'2.55' AS UnitPrice", "'France' AS Country",
    ...     "'1.csv' AS _source_file", "1 AS _source_row", "1 AS _delivery", "DATE'2010-12-02' AS _delivered_at")
    >>> pos_lines(lines).select("invoice_no", "stock_code", "line_no", "description", "customer_id").show()
    +----------+----------+-------+-----------+-----------+
    |invoice_no|stock_code|line_no|description|customer_id|
    +----------+----------+-------+-----------+-----------+
    |    536365|    85123A|      1|WHITE HEART|      17850|
    |   C536379|         D|      1|WHITE HEART|       NULL|
    +----------+----------+-------+-----------+-----------+
    <BLANKLINE>
    """
    keyed = lines.select(
        "*",
        settled_code("InvoiceNo").alias("invoice_no"),
        settled_code("StockCode").alias("stock_code"),
        F.expr("CAST(try_cast(InvoiceDate AS timestamp) AS date)").alias("sold_date"),
    )
    equal_lines = Window.partitionBy("invoice_no", "stock_code", "_source_file", "_delivery").orderBy("_source_row")
    return (
        keyed.withColumn("line_no", F.row_number().over(equal_lines))
        .withColumn("customer_id", customer_id())
        .select(
            line_id().alias("line_id"),
            "invoice_no",
            "stock_code",
            "line_no",
            clean_text("Description").alias("description"),
            F.col("Quantity").alias("quantity"),
            F.col("InvoiceDate").alias("sold_at"),
            "sold_date",
            F.col("UnitPrice").alias("unit_price"),
            "customer_id",
            F.col("customer_id").isNotNull().alias("is_known_customer"),
            clean_text("Country").alias("country"),
            F.col("invoice_no").startswith("C").alias("is_cancelled"),
            F.col("_delivered_at").alias("changed_at"),
            "_source_file",
            "_source_row",
            "_delivery",
        )
    )


def line_id() -> Column:
    """128 bits, as hex, of what identifies a till line; NULL where a part of it is missing.

    A billion lines share an id by chance with a probability of about 1e-21. `sold_date` is part of it, so that the
    id determines the date and a MERGE reads only the days of its batch.
    """
    parts = (F.col(c).cast("string") for c in ("invoice_no", "stock_code", "line_no", "sold_date"))
    separated = [piece for part in parts for piece in (part, F.lit("|"))][:-1]
    return F.md5(F.concat(*separated))


def settled_code(column: str) -> Column:
    """A code without the differences that mean nothing: outer spaces and case; NULL where nothing is left."""
    return F.nullif(F.upper(F.trim(column)), F.lit(""))


def clean_text(column: str) -> Column:
    """Text without outer spaces and with one space between words; NULL where nothing is left."""
    single_spaced = F.regexp_replace(column, r"\s{2,}|[^\S ]", " ")
    return F.nullif(F.trim(single_spaced), F.lit(""))


def customer_id() -> Column:
    """The customer as digits; the till writes `17850.0`, and nothing where it does not know the customer."""
    given = F.nullif(F.trim("CustomerID"), F.lit(""))
    as_decimal = given.endswith(".0")
    return F.when(as_decimal, given.substr(F.lit(1), F.length(given) - 2)).otherwise(given)
