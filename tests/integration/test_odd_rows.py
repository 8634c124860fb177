"""Rows that break several rules at once, under odd names and in fields, against the answers of plain Python."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from tests.integration.lakes import Toy

ROWS = 400
COLUMNS = (
    '`order no.` string, `it\'s "so"` int, `a.b` int, a struct<b: int, `zip.code`: string>, `x``y, (z)` date, '
    "tags array<string>, id int"
)
TABLES = f'''
COLUMNS = {COLUMNS!r}


@table("bronze.odd", inputs={{"files": folder("odd", format="parquet", columns=COLUMNS, pattern="*.parquet")}},
       write=Append(), columns=COLUMNS, rows="same", owner="tests")
def bronze_odd(files):
    """One row a row of a file."""
    return files


@table("silver.odd", inputs={{"rows": changes("bronze.odd")}}, keys=["id"], write=Append(), columns=COLUMNS,
       rows="same", owner="tests")
def silver_odd(rows):
    """The same, judged."""
    return rows.select("`order no.`", "`it's \\"so\\"`", "`a.b`", "a", "`x``y, (z)`", "tags", "id")
'''
KEYED = (
    TABLES
    + """

@table("silver.newest", inputs={"rows": changes("bronze.odd")}, keys=["order no.", "x`y, (z)"],
       write=Upsert(order_by="id", locate_by="x`y, (z)"), columns=COLUMNS, owner="tests")
def silver_newest(rows):
    \"\"\"The newest row of an order.\"\"\"
    return rows.where("`order no.` IS NOT NULL AND `x``y, (z)` IS NOT NULL").drop("_delivered_at", "_delivery")


@table("gold.so", inputs={"rows": changes("silver.newest")}, keys=["it's \\"so\\""],
       write=Recompute(by=["it's \\"so\\""]), columns="`it's \\"so\\"` int, `how many?` bigint", owner="tests")
def gold_so(rows):
    \"\"\"How many orders have so much.\"\"\"
    return rows.where("`it's \\"so\\"` IS NOT NULL").groupBy("it's \\"so\\"").agg(F.count("*").alias("how many?"))
"""
)
SUITE = r"""
expect_column_values_to_not_be_null: {column: order no., id: numbered}
expect_column_values_to_match_regex: {column: order no., regex: '^[A-Z]\d+$', id: number_shape}
expect_column_values_to_be_between: {column: "it's \"so\"", min_value: 0, max_value: 10, id: so_much}
expect_column_values_to_not_be_null: {column: '`a`.`b`', id: inner_there}
expect_column_values_to_be_in_set: {column: a.zip.code, value_set: [N1, 'E.2', "it's"], id: zip_known}
expect_column_pair_values_a_to_be_greater_than_b: {column_A: a.b, column_B: "it's \"so\"", or_equal: true, ignore_row_if: either_value_is_missing, id: covers}
expect_compound_columns_to_be_unique: {column_list: [order no., 'x`y, (z)'], id: once_a_day}
expect_column_values_to_be_between: {column: '`a`.`b`', max_value: 90, id: inner_small, on_fail: drop}
expect_column_values_to_be_between: {column: id, max_value: 350, id: early, on_fail: warn}
"""  # noqa: E501


def drawn(seed: int) -> list[dict[str, Any]]:
    """Rows of which about half break a rule, some many."""
    pick = random.Random(seed)

    def one(number: int) -> dict[str, Any]:
        inner = {"b": pick.choice([1, 2, 3, 50, 95, None]), "zip.code": pick.choice(["N1", "E.2", "it's", "W9", None])}
        return {
            "order no.": pick.choice([f"A{number}", f"B{number}", f"A{number % 7}", "", "ü", None]),
            'it\'s "so"': pick.choice([0, 5, 10, 11, -1, None]),
            "a.b": pick.choice([4, 9, 12, None]),
            "a": pick.choice([inner, inner, inner, None]),
            "x`y, (z)": pick.choice([None, *range(19_000, 19_004)]),
            "tags": pick.choice([[], ["a"], [None, "b"], None]),
            "id": number,
        }

    return [one(number) for number in range(ROWS)]


def broken(rows: list[dict[str, Any]]) -> dict[int, set[str]]:
    """The rules that every row breaks, by its id."""
    copies = Counter((row["order no."], row["x`y, (z)"]) for row in rows)

    def of(row: Mapping[str, Any]) -> set[str]:
        order, so, flat, inner = row["order no."], row['it\'s "so"'], row["a.b"], row["a"] or {}
        pair = (order, row["x`y, (z)"])
        found = {
            "numbered": order is None,
            "number_shape": order is not None and not re.search(r"^[A-Z]\d+$", order),
            "so_much": so is not None and not 0 <= so <= 10,
            "inner_there": inner.get("b") is None,
            "inner_small": (inner.get("b") or 0) > 90,
            "zip_known": inner.get("zip.code") == "W9",
            "covers": None not in (flat, so) and flat < so,
            "once_a_day": copies[pair] > 1 and pair != (None, None),
            "early": row["id"] > 350,
        }
        return {rule for rule, fails in found.items() if fails}

    return {row["id"]: of(row) for row in rows}


def deliver(toy: Toy, name: str, rows: list[dict[str, Any]]) -> None:
    """One more file of rows."""
    inner = pa.struct([("b", pa.int32()), ("zip.code", pa.string())])
    kinds = [pa.string(), pa.int32(), pa.int32(), inner, pa.date32(), pa.list_(pa.string()), pa.int32()]
    schema = pa.schema(list(zip(rows[0], kinds, strict=True)))
    pq.write_table(pa.Table.from_pylist(rows, schema), toy.root / "landing" / "odd" / f"{name}.parquet")


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_is_where_its_answers_say_with_all_its_reasons(
    spark: SparkSession, tmp_path: Path, seed: int
) -> None:
    toy = Toy(tmp_path, TABLES, {"silver.odd": SUITE})
    rows = drawn(seed)
    deliver(toy, "1", rows)
    (batch,) = toy.refresh("bronze.odd", "silver.odd").tables["silver.odd"].batches
    answers = broken(rows)
    bad = {i for i, rules in answers.items() if rules - {"early"}}
    dropped = {i for i in bad if not answers[i] - {"early", "inner_small"}}
    balance = batch.balance
    assert (balance.read, balance.dropped, balance.quarantined) == (ROWS, len(dropped), len(bad) - len(dropped))
    assert {row["id"] for row in toy.held("silver.odd")} == set(answers) - bad
    kept = {row.id: row for row in toy.lake.quarantine("silver.odd").collect()}
    assert {i: {reason.id for reason in row["_failed"]} for i, row in kept.items()} == {
        i: answers[i] for i in bad - dropped
    }
    by_id = {row["id"]: row for row in rows}
    for i, row in kept.items():
        shown = {reason.id: list(reason["values"]) for reason in row["_failed"]}
        assert shown.get("so_much", [str(by_id[i]['it\'s "so"'])]) == [str(by_id[i]['it\'s "so"'])]
        assert row["a"] == (None if by_id[i]["a"] is None else tuple(by_id[i]["a"].values()))
    counted = {r["rule"]: r["failed"] for r in toy.lake.rules_ledger.rows() if r["table"] == "silver.odd"}
    assert counted == {rule: sum(rule in rules for rules in answers.values()) for rule in counted}
    assert set(counted) >= set().union(*answers.values())


def test_keys_groups_and_places_may_have_any_name(spark: SparkSession, tmp_path: Path) -> None:
    toy = Toy(tmp_path, KEYED)
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cut in (slice(0, 250), slice(250, ROWS)):
        rows = drawn(3)[cut]
        deliver(toy, str(cut.start), rows)
        toy.refresh()
        keyed = {(row["order no."], row["x`y, (z)"]): row for row in rows}
        newest |= {key: row for key, row in keyed.items() if None not in key}
        assert toy.visible("silver.newest", ["order no.", "id"]) == Counter((k[0], r["id"]) for k, r in newest.items())
        so = Counter(row['it\'s "so"'] for row in newest.values() if row['it\'s "so"'] is not None)
        assert toy.visible("gold.so", ['it\'s "so"', "how many?"]) == Counter(so.items())
    told = toy.lake.sql("SELECT sum(`how many?`) AS n FROM gold.so").collect()
    assert told[0].n == so.total()
