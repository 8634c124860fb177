"""The faults that are planted in till lines, and the rules that must find each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
BRONZE, SILVER = "bronze.pos_lines", "silver.pos_lines"
FEW_FIELDS, MANY_FIELDS = "few fields", "many fields"
ONE_LINE_IN = 100
"""Every so many lines of a day one has a fault."""


def _null(column: str) -> str:
    return f"expect_column_values_to_not_be_null({column})"


def _between(column: str) -> str:
    return f"expect_column_values_to_be_between({column})"


def _regex(column: str) -> str:
    return f"expect_column_values_to_match_regex({column})"


_NO_KEY = "key_not_null(line_id)"
_NO_NUMBER = ("cast(quantity)", _null("quantity"))
_NO_COUNTRY = "expect_column_values_to_be_in_set(country)"


@dataclass(frozen=True)
class Fault:
    """A fault: what it writes (as CSV text, by column), and exactly the rules that fail, in which table."""

    name: str
    table: str
    rules: tuple[str, ...]
    text: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""
    verdict: str = "quarantine"


FAULTS = (
    Fault("too_few_fields", BRONZE, ("row_shape",), shape=FEW_FIELDS),
    Fault("too_many_fields", BRONZE, ("row_shape",), shape=MANY_FIELDS),
    Fault(
        "header_again",
        BRONZE,
        ("expect_column_values_to_not_be_in_set(InvoiceNo)",),
        {name: name for name in HEADER},
        verdict="drop",
    ),
    Fault("time_without_date", BRONZE, (_regex("InvoiceDate"),), {"InvoiceDate": "08:26:00"}),
    Fault("quantity_text", SILVER, _NO_NUMBER, {"Quantity": "abc"}),
    Fault("quantity_fraction", SILVER, _NO_NUMBER, {"Quantity": "12.7"}),
    Fault("quantity_missing", SILVER, (_null("quantity"),), {"Quantity": ""}),
    Fault("quantity_zero", SILVER, ("expect_column_values_to_not_be_in_set(quantity)",), {"Quantity": "0"}),
    Fault("quantity_out_of_range", SILVER, (_between("quantity"),), {"Quantity": "250000"}),
    Fault(
        "date_impossible",
        SILVER,
        ("cast(sold_at)", _NO_KEY, _null("sold_at")),
        {"InvoiceDate": "2023-02-30 10:00:00"},
    ),
    Fault("date_missing", SILVER, (_NO_KEY, _null("sold_at")), {"InvoiceDate": ""}),
    Fault("date_far_off", SILVER, (_between("sold_date"),), {"InvoiceDate": "1899-12-30 10:00:00"}),
    Fault("stock_code_missing", SILVER, (_NO_KEY, _null("stock_code")), {"StockCode": " "}),
    Fault(
        "stock_code_long",
        SILVER,
        ("expect_column_value_lengths_to_be_between(stock_code)",),
        {"StockCode": "22423 REGENCY CAKESTAND"},
    ),
    Fault("invoice_missing", SILVER, (_NO_KEY, _null("invoice_no")), {"InvoiceNo": ""}),
    Fault("invoice_pattern", SILVER, (_regex("invoice_no"),), {"InvoiceNo": "X12345"}),
    Fault("price_text", SILVER, ("cast(unit_price)", _null("unit_price")), {"UnitPrice": '"12,50"'}),
    Fault("price_out_of_range", SILVER, (_between("unit_price"),), {"UnitPrice": "999999.99"}),
    Fault("price_negative", SILVER, ("unit_price_not_negative",), {"UnitPrice": "-5.00"}, verdict="warn"),
    Fault("customer_pattern", SILVER, (_regex("customer_id"),), {"CustomerID": "C-17"}),
    Fault("country_unknown", SILVER, (_NO_COUNTRY,), {"Country": "Atlantis"}),
    Fault("country_missing", SILVER, (_null("country"),), {"Country": ""}),
    Fault("description_missing", SILVER, (_null("description"),), {"Description": ""}, verdict="warn"),
    Fault(
        "several",
        SILVER,
        (*_NO_NUMBER, _NO_KEY, _null("stock_code"), _NO_COUNTRY),
        {"Quantity": "abc", "StockCode": "", "Country": "Atlantis"},
    ),
)

NEGATIVE_CENTS = -500
"""The price of `price_negative`, the one fault that is published and changes an amount."""
