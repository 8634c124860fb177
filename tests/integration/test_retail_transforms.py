"""The retail tables' functions on literal rows, and on two days of the real till lines where those are there."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from aurify.sources import Delivery, FolderOptions, list_files, read_files
from aurify.tables.inputs import folder_options, target_of
from aurify.tables.spec import TableSpec
from aurify.tables.transform import RAW, contract_rows
from retail.tables import bronze_pos_lines, gold_daily_sales, silver_pos_lines

REAL = Path(__file__).parents[3] / "shared/data/online_retail/by-day"
BRONZE = """InvoiceNo string, StockCode string, Description string, Quantity string, InvoiceDate string,
            UnitPrice string, CustomerID string, Country string, _source_file string, _source_row bigint,
            _delivery int, _delivered_at timestamp_ntz"""
USUAL = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "WHITE HEART",
    "Quantity": "6",
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": "2.55",
    "CustomerID": "17850.0",
    "Country": "United Kingdom",
    "_source_file": "1.csv",
    "_source_row": 1,
    "_delivery": 1,
}


def spec_of(module: ModuleType) -> TableSpec:
    function = next(value for value in vars(module).values() if hasattr(value, "__aurify_table__"))
    spec: TableSpec = function.__aurify_table__
    return spec


def typed(module: ModuleType, made: DataFrame) -> DataFrame:
    """The function's rows as the engine casts them."""
    spec = spec_of(module)
    return contract_rows(target_of(spec, "unused", "unused"), made)


def silver(spark: SparkSession, *changed: dict[str, Any]) -> list[Row]:
    """What silver makes of rows that differ from the usual one as told, in the order of their row numbers."""
    names = [part.split()[0] for part in BRONZE.split(",")]
    told = [{**USUAL, "_source_row": n, **row} for n, row in enumerate(changed, 1)]
    values = [tuple(row.get(name) for name in names) for row in told]
    lines = spark.createDataFrame(values, BRONZE).selectExpr(
        *names[:-1], "CAST('2010-12-02 02:00:00' AS timestamp) AS _delivered_at"
    )
    rows = typed(silver_pos_lines, silver_pos_lines.pos_lines(lines)).collect()
    return sorted(rows, key=lambda row: (row._source_file, row._delivery, row._source_row))


@pytest.mark.parametrize("name", ["silver_pos_lines", "gold_daily_sales"])
def test_the_examples_in_the_docs_run(spark: SparkSession, name: str) -> None:
    module = importlib.import_module(f"retail.tables.{name}")

    failed, tried = doctest.testmod(module, extraglobs={"spark": spark})

    assert (failed, tried > 0) == (0, True)


def test_text_is_cleaned_and_types_are_those_of_the_contract(spark: SparkSession) -> None:
    (row,) = silver(
        spark, {"InvoiceNo": " c536365", "StockCode": "85123a ", "Description": " WHITE \t  HEART ", "Country": " EIRE"}
    )

    assert (row.invoice_no, row.stock_code, row.description, row.country) == (
        "C536365",
        "85123A",
        "WHITE HEART",
        "EIRE",
    )
    assert (row.quantity, str(row.unit_price), str(row.sold_at)) == (6, "2.5500", "2010-12-01 08:26:00")
    assert (str(row.sold_date), str(row.changed_at), row.is_cancelled) == ("2010-12-01", "2010-12-02 02:00:00", True)
    assert row[RAW] is None


@pytest.mark.parametrize(
    ("written", "customer", "known"),
    [
        ("17850.0", "17850", True),
        ("17850", "17850", True),
        (" ", None, False),
        (None, None, False),
        ("C-1", "C-1", True),
    ],
)
def test_unknown_customers_are_marked(
    spark: SparkSession, written: str | None, customer: str | None, known: bool
) -> None:
    (row,) = silver(spark, {"CustomerID": written})

    assert (row.customer_id, row.is_known_customer) == (customer, known)


def test_lines_of_one_invoice_and_stock_code_are_counted_whatever_the_case_of_the_code(spark: SparkSession) -> None:
    rows = silver(spark, {}, {"StockCode": "85123a"}, {"StockCode": "22423"}, {"InvoiceNo": "536366"}, {})

    assert [row.line_no for row in rows] == [1, 2, 1, 1, 3]
    assert len({row.line_id for row in rows}) == 5


def test_a_corrected_line_keeps_its_id_and_a_line_in_another_file_is_the_same_line(spark: SparkSession) -> None:
    corrected = {"Quantity": "7", "UnitPrice": "2.5", "Description": "HEART", "_delivery": 2, "_source_row": 9}
    rows = silver(spark, {}, corrected, {"_source_file": "2.csv", "_source_row": 40})

    assert len({row.line_id for row in rows}) == 1
    assert [row.quantity for row in rows] == [6, 7, 6]


def test_the_id_of_a_line_is_the_same_for_ever(spark: SparkSession) -> None:
    (row,) = silver(spark, {})

    assert row.line_id == "96ebca29923d8c88d78b63258d830ada"  # md5 of 536365|85123A|1|2010-12-01


@pytest.mark.parametrize("part", ["InvoiceNo", "StockCode", "InvoiceDate"])
@pytest.mark.parametrize("missing", [None, "", "  "])
def test_a_line_without_a_part_of_its_id_has_none(spark: SparkSession, part: str, missing: str | None) -> None:
    (row,) = silver(spark, {part: missing})

    assert row.line_id is None


@pytest.mark.parametrize(
    ("column", "text", "silver_column"),
    [
        ("Quantity", "abc", "quantity"),
        ("Quantity", "12.7", "quantity"),
        ("InvoiceDate", "2010-02-30 08:00:00", "sold_at"),
        ("UnitPrice", "12,50", "unit_price"),
    ],
)
def test_a_value_that_can_not_be_cast_is_kept_as_it_came(
    spark: SparkSession, column: str, text: str, silver_column: str
) -> None:
    (row,) = silver(spark, {column: text})

    assert row[silver_column] is None
    assert row[RAW] == {silver_column: text}


def test_daily_sales_tell_what_was_sold_from_what_came_back(spark: SparkSession) -> None:
    rows = [
        ("1", 3, 2.5, False, "17850"),
        ("1", 1, 2.5, False, "17850"),
        ("2", -2, 1.25, False, None),
        ("C3", -2, 2.5, True, None),
    ]
    text = "invoice_no string, quantity int, price double, is_cancelled boolean, customer_id string"
    lines = spark.createDataFrame(rows, text).selectExpr(
        "*",
        "CAST(price AS decimal(12,4)) AS unit_price",
        "DATE'2010-12-01' AS sold_date",
        "'EIRE' AS country",
        "'22423' AS stock_code",
    )

    (sales,) = typed(gold_daily_sales, gold_daily_sales.daily_sales(lines)).collect()

    assert (sales.lines, sales.cancelled_lines, sales.invoices, sales.known_customers) == (4, 1, 3, 1)
    assert (sales.units_sold, sales.units_returned) == (2, 2)
    assert [str(sales[n]) for n in ("gross_amount", "returned_amount", "net_amount")] == ["7.5000", "5.0000", "2.5000"]


def test_a_day_of_cancellations_only_has_sold_nothing(spark: SparkSession) -> None:
    lines = spark.createDataFrame([("C3", -2)], "invoice_no string, quantity int").selectExpr(
        "*",
        "TRUE AS is_cancelled",
        "CAST(NULL AS string) AS customer_id",
        "CAST(2.5 AS decimal(12,4)) AS unit_price",
        "DATE'2010-12-01' AS sold_date",
        "'EIRE' AS country",
        "'22423' AS stock_code",
    )

    (sales,) = typed(gold_daily_sales, gold_daily_sales.daily_sales(lines)).collect()

    assert (sales.units_sold, str(sales.gross_amount), str(sales.net_amount)) == (0, "0.0000", "-5.0000")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"Online Retail is not at {REAL}")
def test_two_real_days_keep_every_line_and_every_penny(spark: SparkSession) -> None:
    folder = spec_of(bronze_pos_lines).folder
    assert folder is not None
    options: FolderOptions = folder_options(folder)
    files = list_files(REAL, options)[:2]
    lines = read_files(spark, REAL, [Delivery(f.path, 1, f.modified_ms) for f in files], options)

    made = silver_pos_lines.pos_lines(bronze_pos_lines.pos_lines(lines))
    rows = typed(silver_pos_lines, made)
    (told,) = rows.selectExpr(
        "count(*) AS lines",
        "count(DISTINCT line_id) AS ids",
        "sum(quantity * unit_price) AS amount",
        f"count({RAW}) AS destroyed",
        "count_if(is_cancelled) AS cancelled",
    ).collect()

    assert (told.lines, told.ids, told.destroyed, told.cancelled) == (5_217, 5_217, 0, 70)
    assert str(told.amount) == "104842.8400"
