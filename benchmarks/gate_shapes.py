"""What the benchmark `gate` judges: orders with twelve rules, and a wide table with 300 rules over 100 columns.

A shape is its columns, how a good value is made from the row's number, which faults are planted, and the rules twice:
as a person writes them in PySpark, and as a suite in Aurify's project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.program import ROOT

if TYPE_CHECKING:
    from pyspark.sql import Column

PROJECT = ROOT / "benchmarks" / "gate_project"
GROUPS, CODES = 25, ("DE", "FR", "NL", "GB", "ES", "IT", "PL", "SE")


@dataclass(frozen=True)
class Shape:
    """A table to be judged.

    `good` gives the SQL of each column's value from `id`, `types` the type of those that need a cast; a fault is the
    column that it replaces, the SQL of the bad value, and the rules that find it.
    """

    good: Mapping[str, str]
    types: Mapping[str, str]
    faults: tuple[tuple[str, str, tuple[str, ...]], ...]
    rules: Callable[[], dict[str, Column]]


def rules_of_orders() -> dict[str, Column]:
    """TRUE where a row fails."""
    from pyspark.sql import functions as F

    return {
        "order_id_there": F.col("order_id").isNull(),
        "order_id_shape": ~F.col("order_id").rlike(r"^O\d{9}$"),
        "customer_there": F.col("customer_id").isNull(),
        "country_length": F.length("country") != 2,
        "country_known": ~F.col("country").isin(*CODES),
        "status_known": ~F.col("status").isin("new", "paid", "sent", "back"),
        "amount_range": ~F.col("amount").between(0, 10000),
        "amount_there": F.col("amount").isNull(),
        "quantity_range": ~F.col("quantity").between(1, 1000),
        "amount_covers": F.col("amount") < F.col("quantity"),
        "email_shape": ~F.col("email").rlike(r"^[^@ ]+@[^@ ]+\.[a-z]{2,}$"),
        "ordered_range": ~F.expr(
            "ordered_at BETWEEN TIMESTAMP'2020-01-01 00:00:00' AND TIMESTAMP'2030-01-01 00:00:00'"
        ),
    }


ORDERS = Shape(
    good={
        "order_id": "concat('O', lpad(cast(id AS string), 9, '0'))",
        "customer_id": "cast(pmod(xxhash64(id), 50000) AS int)",
        "country": f"split('{' '.join(CODES)}', ' ')[cast(pmod(xxhash64(id, 1), 8) AS int)]",
        "status": "split('new paid sent back', ' ')[cast(pmod(xxhash64(id, 2), 4) AS int)]",
        "amount": "cast(1000 + pmod(xxhash64(id, 3), 800000) / 100 AS decimal(12,2))",
        "quantity": "cast(1 + pmod(xxhash64(id, 4), 900) AS int)",
        "email": "concat('user', cast(pmod(xxhash64(id, 5), 90000) AS string), '@example.com')",
        "ordered_at": "timestamp_seconds(1704067200 + pmod(xxhash64(id, 6), 31536000))",
    },
    types={"amount": "decimal(12,2)", "customer_id": "int", "quantity": "int"},
    faults=(
        ("order_id", "NULL", ("order_id_there",)),
        ("order_id", "'X1'", ("order_id_shape",)),
        ("customer_id", "NULL", ("customer_there",)),
        ("country", "'ATL'", ("country_length", "country_known")),
        ("country", "'XX'", ("country_known",)),
        ("status", "'lost'", ("status_known",)),
        ("amount", "99999.99", ("amount_range",)),
        ("amount", "NULL", ("amount_there",)),
        ("quantity", "-5", ("quantity_range",)),
        ("amount", "0.50", ("amount_covers",)),
        ("email", "'nobody at home'", ("email_shape",)),
        ("ordered_at", "TIMESTAMP'1999-01-01 00:00:00'", ("ordered_range",)),
    ),
    rules=rules_of_orders,
)


def _wide_names() -> list[str]:
    return [f"{kind}_{n:02}" for n in range(GROUPS) for kind in ("count", "code", "mail", "price")]


def rules_of_wide() -> dict[str, Column]:
    """Three a column; TRUE where a row fails."""
    from pyspark.sql import functions as F

    rules: dict[str, Column] = {}
    for n in range(GROUPS):
        count, code, mail, price = (f"{kind}_{n:02}" for kind in ("count", "code", "mail", "price"))
        rules |= {f"{column}_there": F.col(column).isNull() for column in (count, code, mail, price)}
        rules |= {
            f"{count}_range": ~F.col(count).between(0, 1000),
            f"{count}_lucky": F.col(count).isin(13),
            f"{code}_known": ~F.col(code).isin(*CODES),
            f"{code}_length": F.length(code) != 2,
            f"{mail}_shape": ~F.col(mail).rlike(r"^[^@ ]+@[^@ ]+\.[a-z]{2,}$"),
            f"{mail}_length": ~F.length(mail).between(5, 60),
            f"{price}_range": ~F.col(price).between(0, 10000),
            f"{price}_covers": F.col(price) < F.col(count),
        }
    return rules


def _wide() -> Shape:
    good: dict[str, str] = {}
    types: dict[str, str] = {}
    faults: list[tuple[str, str, tuple[str, ...]]] = []
    for n in range(GROUPS):
        count, code, mail, price = (f"{kind}_{n:02}" for kind in ("count", "code", "mail", "price"))
        good |= {
            count: f"cast(20 + pmod(xxhash64(id, {n}), 900) AS int)",
            code: f"split('{' '.join(CODES)}', ' ')[cast(pmod(xxhash64(id, {n + 100}), 8) AS int)]",
            mail: f"concat('user', cast(pmod(xxhash64(id, {n + 200}), 90000) AS string), '@example.com')",
            price: f"cast(1000 + pmod(xxhash64(id, {n + 300}), 800000) / 100 AS decimal(12,2))",
        }
        types |= {count: "int", price: "decimal(12,2)"}
        faults += [(column, "NULL", (f"{column}_there",)) for column in (count, code, mail, price)]
        faults += [
            (count, "-5", (f"{count}_range",)),
            (count, "13", (f"{count}_lucky",)),
            (code, "'XX'", (f"{code}_known",)),
            (code, "'ATL'", (f"{code}_known", f"{code}_length")),
            (mail, "'nobody at home'", (f"{mail}_shape",)),
            (mail, f"concat('{'x' * 70}', '@example.com')", (f"{mail}_length",)),
            (price, "99999.99", (f"{price}_range",)),
            (price, "0.50", (f"{price}_covers",)),
        ]
    return Shape(good, types, tuple(faults), rules_of_wide)


WIDE = _wide()
SHAPES: Mapping[str, Shape] = {"orders": ORDERS, "wide": WIDE}


_WIDE_TABLES = """
from aurify import Append, changes, folder, table

COLUMNS = COLUMNS_TEXT
SOURCE = folder("orders", format="parquet", columns=COLUMNS, pattern="*.parquet")


@table("bronze.orders", inputs={"orders": SOURCE}, write=Append(), columns=COLUMNS, rows="same", owner="benchmarks")
def orders_as_delivered(orders):
    'One row an order, with its place.'
    return orders


@table("silver.orders", inputs={"orders": changes("bronze.orders")}, keys=["count_00"], write=Append(),
       columns=COLUMNS, rows="same", owner="benchmarks")
def orders(orders):
    'The same columns, no more.'
    return orders.select(*NAMES)
"""


def wide_project(folder: Path) -> Path:
    """Aurify's project for the wide table, written into `folder`: the project of the orders with other columns."""
    columns = ", ".join(f"{name} {WIDE.types.get(name, 'string')}" for name in _wide_names())
    texts = {
        path: (PROJECT / path).read_text(encoding="utf-8")
        for path in ("conf/base/project.yml", "conf/base/settings.yml", "conf/local/settings.yml")
    }
    texts["conf/base/project.yml"] = texts["conf/base/project.yml"].replace("gated", "gated_wide")
    texts["platform/gated_wide/__init__.py"] = '"""One wide table behind a gate."""\n'
    module = _WIDE_TABLES.replace("COLUMNS_TEXT", repr(columns)).replace("NAMES", repr(_wide_names()))
    texts["platform/gated_wide/tables.py"] = module
    texts["quality/suites/silver_orders.yml"] = "\n".join(["table: silver.orders", "expectations:", *_wide_suite(), ""])
    for path, text in texts.items():
        Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, path).write_text(text, encoding="utf-8")
    return folder


def _wide_suite() -> list[str]:
    values = "expect_column_values_to"
    lines = [f"  - {values}_not_be_null: {{column: {name}, id: {name}_there}}" for name in _wide_names()]
    for n in range(GROUPS):
        count, code, mail, price = (f"{kind}_{n:02}" for kind in ("count", "code", "mail", "price"))
        lines += [
            f"  - {values}_be_between: {{column: {count}, min_value: 0, max_value: 1000, id: {count}_range}}",
            f"  - {values}_not_be_in_set: {{column: {count}, value_set: [13], id: {count}_lucky}}",
            f"  - {values}_be_in_set: {{column: {code}, value_set: [{', '.join(CODES)}], id: {code}_known}}",
            f"  - expect_column_value_lengths_to_equal: {{column: {code}, value: 2, id: {code}_length}}",
            rf"  - {values}_match_regex: {{column: {mail}, regex: '^[^@ ]+@[^@ ]+\.[a-z]{{2,}}$', id: {mail}_shape}}",
            (
                f"  - expect_column_value_lengths_to_be_between: "
                f"{{column: {mail}, min_value: 5, max_value: 60, id: {mail}_length}}"
            ),
            f"  - {values}_be_between: {{column: {price}, min_value: 0, max_value: 10000, id: {price}_range}}",
            (
                f"  - expect_column_pair_values_a_to_be_greater_than_b: {{column_A: {price}, column_B: {count}, "
                f"or_equal: true, ignore_row_if: either_value_is_missing, id: {price}_covers}}"
            ),
        ]
    return lines
