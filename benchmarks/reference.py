"""`reference`: UCI Online Retail, all days at once and one by one, gives the figures that its README states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import program, results
from benchmarks.meter import Meter
from benchmarks.work import land, open_lake, refresh

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DATA = program.ROOT.parent / "shared" / "data" / "online_retail" / "by-day"
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


def measure(scratch: Path) -> None:
    """Both ways; every figure that differs is named."""
    if not DATA.is_dir():
        print(f"reference: skipped, there is no {DATA}")
        return
    found = {
        way: program.run("benchmarks.reference:figures_of", warehouse=str(scratch / way), one_by_one=way == "days")
        for way in ("at_once", "days")
    }
    said = {way: run["returned"] for way, run in found.items()}
    wrong = [
        f"{way} {layer} {name}: {said[way][layer][name]}, not {value}"
        for way in said
        for layer, figures in EXPECTED.items()
        for name, value in figures.items()
        if said[way][layer][name] != value
    ]
    results.write("reference", {"lines": 541_909}, {}, {"found": said, "expected": EXPECTED, "wrong": wrong})
    if wrong:
        raise SystemExit("\n".join(wrong))


def figures_of(spark: SparkSession, meter: Meter, warehouse: str, one_by_one: bool) -> dict[str, dict[str, object]]:
    """Refresh all days and read the figures from the tables."""
    lake = open_lake(spark, f"{warehouse}-sources", warehouse)
    folder, files = Path(f"{warehouse}-sources", "pos_lines"), sorted(DATA.glob("*.csv.gz"))
    for file in files:
        land(folder, file)
        if one_by_one or file == files[-1]:
            with meter.section("refresh"):
                refresh(lake)
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
