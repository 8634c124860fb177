"""The rules of the three tables, written out as Spark conditions: TRUE where a row fails; NULL counts as passed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F

Rules = Mapping[str, Column]

NULL = "expect_column_values_to_not_be_null"
BETWEEN = "expect_column_values_to_be_between"
MATCH = "expect_column_values_to_match_regex"
IN_SET = "expect_column_values_to_be_in_set"
NOT_IN_SET = "expect_column_values_to_not_be_in_set"
LENGTH = "expect_column_value_lengths_to_be_between"
GREATER = "expect_column_pair_values_a_to_be_greater_than_b"

COUNTRIES = [
    "Australia",
    "Austria",
    "Bahrain",
    "Belgium",
    "Brazil",
    "Canada",
    "Channel Islands",
    "Cyprus",
    "Czech Republic",
    "Denmark",
    "EIRE",
    "European Community",
    "Finland",
    "France",
    "Germany",
    "Greece",
    "Hong Kong",
    "Iceland",
    "Israel",
    "Italy",
    "Japan",
    "Lebanon",
    "Lithuania",
    "Malta",
    "Netherlands",
    "Norway",
    "Poland",
    "Portugal",
    "RSA",
    "Saudi Arabia",
    "Singapore",
    "Spain",
    "Sweden",
    "Switzerland",
    "USA",
    "United Arab Emirates",
    "United Kingdom",
    "Unspecified",
]

# Rules that are told of a row that fails another one, but keep no row out of the table.
WARNINGS = (f"{NULL}(description)", "unit_price_not_negative")
DROPS = f"{NOT_IN_SET}(InvoiceNo)"


def bronze_rules() -> Rules:
    """A row that is no row, a time without a date, a header in the middle of a file."""
    return {
        "row_shape": F.col("_malformed").isNotNull(),
        f"{MATCH}(InvoiceDate)": ~F.col("InvoiceDate").rlike(r"^(\d{4}-\d{2}-\d{2}|InvoiceDate$)"),
        DROPS: F.col("InvoiceNo") == "InvoiceNo",
    }


def silver_rules() -> Rules:
    """Over the typed columns, and the texts that quantity, sold_at and unit_price were cast from."""

    def is_missing(name: str) -> Column:
        return F.col(name).isNull()

    def is_destroyed(name: str, text: str) -> Column:
        return F.col(text).isNotNull() & F.col(name).isNull()

    return {
        "cast(quantity)": is_destroyed("quantity", "quantity_text"),
        "cast(sold_at)": is_destroyed("sold_at", "sold_at_text"),
        "cast(unit_price)": is_destroyed("unit_price", "unit_price_text"),
        "key_not_null(line_id)": is_missing("invoice_no") | is_missing("stock_code") | is_missing("sold_date"),
        "order_not_null(changed_at)": is_missing("changed_at"),
        f"{NULL}(invoice_no)": is_missing("invoice_no"),
        f"{MATCH}(invoice_no)": ~F.col("invoice_no").rlike(r"^[AC]?\d{6,8}$"),
        f"{NULL}(stock_code)": is_missing("stock_code"),
        f"{LENGTH}(stock_code)": ~F.length("stock_code").between(1, 20),
        f"{NULL}(description)": is_missing("description"),
        f"{NULL}(quantity)": is_missing("quantity"),
        f"{BETWEEN}(quantity)": ~F.col("quantity").between(-100_000, 100_000),
        f"{NOT_IN_SET}(quantity)": F.col("quantity") == 0,
        f"{NULL}(sold_at)": is_missing("sold_at"),
        f"{BETWEEN}(sold_date)": ~F.expr("sold_date BETWEEN DATE'2009-01-01' AND DATE'2099-12-31'"),
        f"{NULL}(unit_price)": is_missing("unit_price"),
        f"{BETWEEN}(unit_price)": ~F.col("unit_price").between(-100_000, 100_000),
        "unit_price_not_negative": F.col("unit_price") < 0,
        f"{MATCH}(customer_id)": ~F.col("customer_id").rlike(r"^\d{5}$"),
        f"{NULL}(country)": is_missing("country"),
        f"{IN_SET}(country)": ~F.col("country").isin(COUNTRIES),
    }


def gold_rules() -> Rules:
    """Over the sums as they were added up, `<name>_sum`, and as they are kept."""
    sums = ("gross_amount", "returned_amount", "net_amount")
    casts = {f"cast({n})": F.col(f"{n}_sum").isNotNull() & F.col(n).isNull() for n in sums}
    keys = {f"key_not_null({n})": F.col(n).isNull() for n in ("sold_date", "country", "stock_code")}
    return {
        **casts,
        **keys,
        f"{BETWEEN}(lines)": F.col("lines") < 1,
        f"{BETWEEN}(units_returned)": F.col("units_returned") < 0,
        f"{GREATER}(lines, cancelled_lines)": F.col("lines") < F.col("cancelled_lines"),
        f"{GREATER}(lines, invoices)": F.col("lines") < F.col("invoices"),
        f"{GREATER}(invoices, known_customers)": F.col("invoices") < F.col("known_customers"),
    }


def fails(rules: Rules) -> Column:
    """Whether a row fails any rule that keeps it out of the table."""
    return reduce(or_, (F.coalesce(c, F.lit(False)) for id, c in rules.items() if id not in (*WARNINGS, DROPS)))


def failed_ids(rules: Rules) -> Column:
    """The ids of all rules that a row fails."""
    return F.array_compact(F.array(*(F.when(failing, F.lit(id)) for id, failing in rules.items())))
