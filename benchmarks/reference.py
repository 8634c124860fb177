"""The figures that the README of UCI Online Retail states, and what a lake that holds all its days has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmarks.program import ROOT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake

DATA = ROOT.parent / "shared" / "data" / "online_retail" / "by-day"
SAME = {
    "rows": 541_909,
    "no customer": 135_080,
    "customers": 4_372,
    "no description": 1_454,
    "cancelled": 9_288,
    "quantity below 0": 10_624,
    "price below 0": 2,
    "price 0": 2_515,
    "countries": 38,
    "invoices": 25_900,
    "amount": "9747747.93",
}
EXPECTED = {
    "bronze": {**SAME, "stock codes": 4_070, "exact duplicates": 5_268},
    "silver": {**SAME, "stock codes": 3_958},  # 112 codes differ only by case
}
BRONZE = {"customer": "CustomerID", "text": "Description", "invoice": "InvoiceNo", "code": "StockCode",
          "country": "Country", "quantity": "CAST(Quantity AS int)", "price": "CAST(UnitPrice AS decimal(12,4))"}  # fmt: skip # noqa: E501
SILVER = {"customer": "customer_id", "text": "description", "invoice": "invoice_no", "code": "stock_code",
          "country": "country", "quantity": "quantity", "price": "unit_price"}  # fmt: skip


def wrong(way: str, found: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Every figure of the tables that is not the one that the data's README states."""
    return [
        f"{way}, {layer}, {name}: {found[layer][name]}, not {value}"
        for layer, expected in EXPECTED.items()
        for name, value in expected.items()
        if found[layer][name] != value
    ]


def figures_of(lake: Lake) -> dict[str, dict[str, object]]:
    """The figures of bronze and silver."""
    bronze = figures(lake.read("bronze.pos_lines"), BRONZE)
    own = [c for c in lake.read("bronze.pos_lines").columns if not c.startswith("_")]
    distinct = lake.read("bronze.pos_lines").select(*own).distinct().count()
    silver = figures(lake.read("silver.pos_lines"), SILVER)
    return {"bronze": {**bronze, "exact duplicates": int(str(bronze["rows"])) - distinct}, "silver": silver}


def figures(rows: DataFrame, of: dict[str, str]) -> dict[str, object]:
    """The figures of one table, whose columns are called as `of` says."""
    found = rows.selectExpr(*(f"{expression} AS {name}" for name, expression in of.items())).selectExpr(
        "count(*) AS `rows`",
        "count_if(customer IS NULL) AS `no customer`",
        "count(DISTINCT customer) AS customers",
        "count_if(text IS NULL) AS `no description`",
        "count_if(startswith(invoice, 'C')) AS cancelled",
        "count_if(quantity < 0) AS `quantity below 0`",
        "count_if(price < 0) AS `price below 0`",
        "count_if(price = 0) AS `price 0`",
        "count(DISTINCT country) AS countries",
        "count(DISTINCT invoice) AS invoices",
        "count(DISTINCT code) AS `stock codes`",
        "CAST(CAST(sum(quantity * price) AS decimal(18,2)) AS string) AS amount",
    )
    row = found.first()
    assert row is not None
    return dict(row.asDict())
