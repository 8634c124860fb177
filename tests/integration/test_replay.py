"""Quarantine's life: rows are repaired, accepted, rejected, or pass once a rule changes; each enters once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.workflows.decisions import decide_batch
from aurify.workflows.report import RunReport
from aurify.workflows.restore import restore
from aurify.workflows.row_decisions import decide_rows
from tests.integration.lakes import EVENTS, LISTS, Toy, only_batch

HEADER = "k,d,g,v,op,at"
RANGE = "expect_column_values_to_be_between: {column: v, min_value: 0, max_value: %d, id: v_in_range}"
KNOWN = "expect_column_values_to_be_in_set: {column: g, value_set: [a, b], id: known_group}"


def event(key: str, v: str = "1", g: str = "a", at: int = 1, op: str = "P") -> str:
    return f"{key},2024-01-01,{g},{v},{op},2024-01-01 00:00:{at:02d}"


def states(toy: Toy, table: str = "silver.events") -> dict[str, int]:
    return dict(Counter(row["_state"] for row in toy.lake.quarantine(table).collect()))


def name_of(row: Any) -> str:
    return f"{row['_generation']}-{row['_batch']}-{row['_row']}"


def replayed(toy: Toy, table: str = "silver.events") -> RunReport:
    """Replay, and a second time, which finds nothing."""
    report = toy.lake.replay(table)
    assert report.exit_code == 0, report.as_dict()
    again = toy.lake.replay(table)
    assert again.tables[table].outcome == "nothing new"
    return report


def keys(toy: Toy) -> dict[str, int]:
    return {row["k"]: row["v"] for row in toy.held("silver.events") if not row["_deleted"]}


@pytest.fixture(scope="module")
def first_day(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """One row stands; of four in quarantine one is out of range, one of an unknown group, one both, one no number."""
    toy = Toy(tmp_path_factory.mktemp("replay"), EVENTS, {"silver.events": f"{RANGE % 10}\n{KNOWN}"})
    lines = [event("k1"), event("high", "20"), event("odd", g="z"), event("both", "30", "z"), event("text", "x")]
    toy.deliver("events/1.csv", HEADER, lines, at=1)
    toy.refresh()
    return toy


@pytest.fixture
def toy(first_day: Toy, tmp_path: Path) -> Toy:
    """A copy of the first day, to change."""
    return first_day.copied(tmp_path / "toy")


def test_rows_that_pass_a_relaxed_suite_enter_once_and_the_others_stay(toy: Toy) -> None:
    assert toy.lake.replay("silver.events").tables["silver.events"].outcome == "nothing new"
    toy.suite("silver.events", f"{RANGE % 25}\n{KNOWN}")
    toy.reopen()
    report = replayed(toy)
    terms = only_batch(report.tables["silver.events"])
    assert terms == {"read": 4, "assayed": 4, "quarantined": 3, "offered": 1, "inserted": 1}
    assert keys(toy) == {"k1": 1, "high": 20}
    assert states(toy) == {"replayed": 4, "open": 3}
    ledger = [row["kind"] for row in toy.lake.batches_ledger.rows("silver.events")]
    assert sorted(ledger) == ["batch", "replay"]
    report = toy.refresh()
    assert only_batch(report.tables["gold.groups"])["updated"] == 1, "what reads the table sees the row come"
    assert toy.visible("gold.groups", ["id", "total"]) == Counter({("2024-01-01|a", 21): 1})


def test_a_tightened_suite_takes_nothing_back_and_its_rows_say_why_they_fail_now(toy: Toy) -> None:
    toy.suite(
        "silver.events", f"{RANGE % 5}\n{KNOWN}\nexpect_column_values_to_not_be_null: {{column: op, id: op_there}}"
    )
    toy.reopen()
    report = replayed(toy)
    assert only_batch(report.tables["silver.events"]) == {"read": 4, "assayed": 4, "quarantined": 4}
    rows = [row for row in toy.lake.quarantine("silver.events").collect() if row["_state"] == "open"]
    assert {row["k"]: [f["id"] for f in row["_failed"]] for row in rows} == {
        "high": ["v_in_range"],
        "odd": ["known_group"],
        "both": ["v_in_range", "known_group"],
        "text": ["cast(v)"],
    }
    assert all(row["_pointers"]["_source_file"] == "1.csv" for row in rows)
    assert keys(toy) == {"k1": 1}


def test_an_accepted_row_passes_the_rules_it_is_excused_from_and_no_other(toy: Toy) -> None:
    assert decide_rows(toy.lake, "silver.events", "accept", rules=["v_in_range"], reason="a wholesaler") == 2
    assert states(toy) == {"accepted": 2, "open": 2}
    report = replayed(toy)
    assert only_batch(report.tables["silver.events"]) == {
        "read": 2,
        "assayed": 2,
        "quarantined": 1,
        "offered": 1,
        "inserted": 1,
    }
    assert keys(toy) == {"k1": 1, "high": 20}
    assert states(toy) == {"replayed": 2, "open": 3}


def test_a_rejected_row_is_left_alone_until_it_is_open_again(toy: Toy) -> None:
    row = next(r for r in toy.lake.quarantine("silver.events").collect() if r["k"] == "high")
    assert decide_rows(toy.lake, "silver.events", "reject", rows=[name_of(row)], reason="a typing error") == 1
    toy.suite("silver.events", f"{RANGE % 25}\n{KNOWN}")
    toy.reopen()
    replayed(toy)
    assert keys(toy) == {"k1": 1}
    assert states(toy)["rejected"] == 1
    decide_rows(toy.lake, "silver.events", "reopen", rows=[name_of(row)], reason="it was right")
    replayed(toy)
    assert keys(toy) == {"k1": 1, "high": 20}


def test_mistakes_of_a_decision_are_told_at_once(toy: Toy) -> None:
    with pytest.raises(ConfigurationError) as told:
        decide_rows(toy.lake, "silver.events", "accept", rows=["XYZ"], rules=["key_not_null(k)"])
    assert len(told.value.problems) == 3, told.value.render()
    with pytest.raises(ConfigurationError) as told:
        decide_rows(toy.lake, "silver.events", "accept", rows=["1-9-0"], rules=["v_in_rang"], reason="why")
    assert {p.found for p in told.value.problems} == {"no row 1-9-0", "no row failed v_in_rang"}
    assert "v_in_range" in told.value.render()
    assert states(toy) == {"open": 4}


def test_an_older_row_loses_against_the_one_that_came_meanwhile(toy: Toy) -> None:
    toy.deliver("events/2.csv", HEADER, [event("high", "7", at=5)], at=2)
    toy.refresh()
    decide_rows(toy.lake, "silver.events", "accept", rules=["v_in_range"], reason="late")
    report = replayed(toy)
    assert only_batch(report.tables["silver.events"])["stale"] == 1
    assert keys(toy)["high"] == 7


def test_rows_of_an_append_table_are_appended_once(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    short = "expect_column_value_lengths_to_be_between: {column: v, max_value: %d, id: v_short}"
    toy = Toy(tmp_path_factory.mktemp("append"), EVENTS, {"silver.log": short % 1})
    toy.deliver("events/1.csv", HEADER, [event("k1"), event("k2", "22"), event("k3", "333")], at=1)
    toy.refresh()
    toy.suite("silver.log", short % 2)
    toy.reopen()
    replayed(toy, "silver.log")
    assert toy.visible("silver.log", ["row", "k"]) == Counter({(1, "k1"): 1, (2, "k2"): 1})
    assert states(toy, "silver.log") == {"replayed": 2, "open": 1}


def test_a_row_of_a_group_stays_accepted_as_long_as_the_group_comes_to_it(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    total = "expect_column_values_to_be_between: {column: total, max_value: 10, id: total_small}"
    toy = Toy(tmp_path_factory.mktemp("groups"), EVENTS, {"gold.groups": total})
    toy.deliver("events/1.csv", HEADER, [event("k1", "20"), event("k2", "3", "b"), event("k3", "30", "c")], at=1)
    toy.refresh()
    groups = ["g", "total"]
    assert toy.visible("gold.groups", groups) == Counter({("b", 3): 1})
    row = next(r for r in toy.lake.quarantine("gold.groups").collect() if r["g"] == "a")
    decide_rows(toy.lake, "gold.groups", "accept", rows=[name_of(row)], reason="a fair")
    report = replayed(toy, "gold.groups")
    assert only_batch(report.tables["gold.groups"])["inserted"] == 1
    assert toy.visible("gold.groups", groups) == Counter({("b", 3): 1, ("a", 20): 1})
    assert states(toy, "gold.groups") == {"replaced": 1, "open": 1}

    toy.deliver("events/2.csv", HEADER, [event("k4", "0", at=3)], at=2)
    toy.refresh()
    assert toy.visible("gold.groups", ["g", "total", "n"]) == Counter({("b", 3, 1): 1}), "20 of two rows is another row"
    toy.deliver("events/3.csv", HEADER, [event("k3", "8", "c", at=4), event("k4", "0", at=5, op="D")], at=3)
    toy.refresh()
    assert toy.visible("gold.groups", groups) == Counter({("b", 3): 1, ("a", 20): 1, ("c", 8): 1})
    assert "open" not in states(toy, "gold.groups")


def test_a_group_is_recomputed_when_its_rule_was_relaxed(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    total = "expect_column_values_to_be_between: {column: total, max_value: %d, id: total_small}"
    toy = Toy(tmp_path_factory.mktemp("groups"), EVENTS, {"gold.groups": total % 10})
    toy.deliver("events/1.csv", HEADER, [event("k1", "20"), event("k3", "30", "c")], at=1)
    toy.refresh()
    toy.suite("gold.groups", total % 25)
    toy.reopen()
    replayed(toy, "gold.groups")
    assert toy.visible("gold.groups", ["g", "total"]) == Counter({("a", 20): 1})
    assert states(toy, "gold.groups") == {"replaced": 2, "open": 1}


PRICES = "k,d,v"


def test_a_line_let_into_a_table_of_files_is_one_more_delivery_of_its_file(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    short = "expect_column_value_lengths_to_be_between: {column: v, max_value: %d, id: v_short}"
    toy = Toy(tmp_path_factory.mktemp("files"), LISTS, {"bronze.lists": short % 1})
    lines = ["p1,2024-01-01,1", "p2,2024-01-01,22", "p3,2024-01-02,333"]
    toy.deliver("lists/1.csv", PRICES, lines, at=1)
    toy.deliver("lists/2.csv", PRICES, ["p9,2024-01-02,9"], at=1)
    toy.refresh()
    toy.suite("bronze.lists", short % 2)
    toy.reopen()
    report = replayed(toy, "bronze.lists")
    assert only_batch(report.tables["bronze.lists"]) == {
        "read": 3,
        "assayed": 3,
        "quarantined": 1,
        "offered": 2,
        "inserted": 2,
    }
    toy.refresh()
    assert toy.visible("silver.prices", ["k", "v"]) == Counter({("p1", 1): 1, ("p2", 22): 1, ("p9", 9): 1})
    assert toy.visible("gold.lines", ["d", "n", "total"]) == Counter(
        {("2024-01-01", 2, 23): 1, ("2024-01-02", 1, 9): 1}
    )
    toy.suite("bronze.lists", short % 3)
    toy.reopen()
    replayed(toy, "bronze.lists")
    toy.refresh()
    assert toy.visible("gold.lines", ["d", "n", "total"]) == Counter(
        {("2024-01-01", 2, 23): 1, ("2024-01-02", 2, 342): 1}
    )
    assert states(toy, "bronze.lists") == {"replayed": 3}
    assert {t.outcome for t in toy.refresh().tables.values()} == {"nothing new"}, "the source has nothing new"

    toy.deliver("lists/1.csv", PRICES, [*lines[:1], "p4,2024-01-01,4444"], at=9)
    toy.refresh()
    assert toy.visible("silver.prices", ["k", "v"]) == Counter({("p1", 1): 1, ("p9", 9): 1})
    toy.deliver("lists/1.csv", PRICES, lines[:1], at=10)
    toy.refresh()
    assert states(toy, "bronze.lists") == {"replayed": 3, "replaced": 1}, "its file came without it"
    toy.suite("bronze.lists", short % 9)
    toy.reopen()
    assert toy.lake.replay("bronze.lists").tables["bronze.lists"].outcome == "nothing new"


def test_a_row_whose_file_is_delivered_again_stands_once_in_the_quarantine_of_its_reader(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    small = "expect_column_values_to_be_between: {column: v, max_value: %d, id: v_small}"
    short = "expect_column_value_lengths_to_be_between: {column: v, max_value: %d, id: v_short}"
    tables = LISTS.replace('"_source_row")', '"_source_row", "_delivery")')
    toy = Toy(tmp_path_factory.mktemp("again"), tables, {"bronze.lists": short % 3, "silver.prices": small % 100})
    toy.deliver("lists/1.csv", PRICES, ["p1,2024-01-01,1", "p2,2024-01-01,222", "p3,2024-01-01,4444"], at=1)
    toy.deliver("lists/2.csv", PRICES, ["p9,2024-01-01,999"], at=1)
    toy.refresh()
    assert states(toy, "silver.prices") == {"open": 2}
    toy.suite("bronze.lists", short % 4)
    toy.reopen()
    replayed(toy, "bronze.lists")
    assert states(toy, "silver.prices") == {"open": 2}, "nothing was read since"
    toy.refresh()
    assert states(toy, "silver.prices") == {"open": 3, "replaced": 1}
    toy.suite("silver.prices", small % 500)
    toy.reopen()
    replayed(toy, "silver.prices")
    assert states(toy, "silver.prices") == {"open": 2, "replaced": 1, "replayed": 3}
    assert toy.visible("silver.prices", ["k", "v"]) == Counter({("p1", 1): 1, ("p2", 222): 1})


def test_rows_of_quarantine_take_the_types_of_a_rebuilt_table(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    small = "expect_column_values_to_be_between: {column: v, max_value: %d, id: v_small}"
    toy = Toy(tmp_path_factory.mktemp("types"), LISTS, {"silver.prices": small % 100})
    toy.deliver("lists/1.csv", PRICES, ["p1,2024-01-01,1", "p2,2024-01-01,222", "p3,2024-01-01,x"], at=1)
    toy.refresh()
    toy.declare(LISTS.replace("d date, v int", "d date, v decimal(4,1)"))
    toy.refresh("silver.prices", full=True)
    held = spark.read.format("delta").load(toy.lake.target("silver.prices").quarantine_path)
    told = Counter((r.k, r.v, (r["_raw"] or {}).get("v"), r["_generation"]) for r in held.collect())
    assert told == Counter(
        {
            ("p2", Decimal(222), "222", 1): 1,  # its text is another one now, and is kept
            ("p3", None, "x", 1): 1,
            ("p2", Decimal(222), None, 2): 1,
            ("p3", None, "x", 2): 1,
        }
    )
    assert states(toy, "silver.prices") == {"open": 2}
    toy.suite("silver.prices", small % 500)
    toy.reopen()
    replayed(toy, "silver.prices")
    assert toy.visible("silver.prices", ["k", "v"]) == Counter({("p1", Decimal(1)): 1, ("p2", Decimal(222)): 1})
    assert states(toy, "silver.prices") == {"open": 1, "replayed": 2}


def test_a_table_that_takes_nothing_back_gets_only_the_lines_let_in(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    short = "expect_column_value_lengths_to_be_between: {column: v, max_value: %d, id: v_short}"
    toy = Toy(tmp_path_factory.mktemp("lines"), EVENTS, {"bronze.events": short % 1})
    toy.deliver("events/1.csv", HEADER, [event("k1"), event("k2", "22"), event("k3")], at=1)
    toy.refresh()
    toy.suite("bronze.events", short % 2)
    toy.reopen()
    replayed(toy, "bronze.events")
    report = toy.refresh()
    assert only_batch(report.tables["silver.log"])["inserted"] == 1
    assert toy.visible("silver.log", ["row", "k"]) == Counter({(1, "k1"): 1, (2, "k2"): 1, (3, "k3"): 1})
    assert keys(toy) == {"k1": 1, "k2": 22, "k3": 1}


def test_groups_of_a_rejected_batch_stay_as_they_were(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    total = "expect_column_values_to_be_between: {column: total, max_value: 10, on_fail: fail, id: total_small}"
    toy = Toy(tmp_path_factory.mktemp("rejected"), EVENTS, {"gold.groups": total})
    toy.deliver("events/1.csv", HEADER, [event("k1", "5"), event("k2", "3", "b")], at=1)
    toy.refresh()
    toy.deliver("events/2.csv", HEADER, [event("k3", "20", at=2)], at=2)
    assert toy.lake.refresh().exit_code == 1
    decide_batch(toy.lake, "gold.groups", 2, "reject", "a typing error")
    toy.refresh()
    assert toy.visible("gold.groups", ["g", "total"]) == Counter({("a", 5): 1, ("b", 3): 1})
    assert states(toy, "gold.groups") == {"rejected": 1}


def test_a_row_enters_once_the_table_that_its_rule_looks_into_has_its_key(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = (
        "expect_column_values_to_exist_in_table: "
        "{column: k, other_table_name: bronze.lists, other_column: k, id: known_product}"
    )
    toy = Toy(tmp_path_factory.mktemp("foreign"), EVENTS + LISTS, {"silver.events": foreign})
    toy.deliver("lists/1.csv", PRICES, ["k1,2024-01-01,1"], at=1)
    toy.deliver("events/1.csv", HEADER, [event("k1"), event("k2"), event("k3")], at=1)
    toy.refresh()
    assert keys(toy) == {"k1": 1}
    toy.deliver("lists/2.csv", PRICES, ["k2,2024-01-01,1"], at=2)
    toy.refresh("bronze.lists")
    replayed(toy)
    assert keys(toy) == {"k1": 1, "k2": 1}
    assert states(toy) == {"replayed": 2, "open": 1}


def test_rows_of_a_rejected_batch_are_rejected_and_those_undone_by_a_restore_come_back(toy: Toy) -> None:
    strict = "expect_column_values_to_be_in_set: {column: op, value_set: [P, D], on_fail: fail, id: known_operation}"
    toy.suite("silver.events", f"{RANGE % 25}\n{KNOWN}\n{strict}")
    toy.reopen()
    replayed(toy)
    assert keys(toy) == {"k1": 1, "high": 20}
    toy.deliver("events/2.csv", HEADER, [event("k5", op="X")], at=2)
    assert toy.lake.refresh("bronze.events", "silver.events").exit_code == 1
    decide_batch(toy.lake, "silver.events", 3, "reject", "a broken till")
    toy.refresh("silver.events")
    assert states(toy) == {"replayed": 4, "open": 3, "rejected": 1}
    assert toy.lake.replay("silver.events").tables["silver.events"].outcome == "nothing new"
    restore(toy.lake, "silver.events", 1)
    assert states(toy) == {"open": 4}, "the replay is undone"
    assert keys(toy) == {"k1": 1}
    replayed(toy)
    assert keys(toy) == {"k1": 1, "high": 20}


def test_the_balance_and_the_ledger_hold_a_replay_like_any_batch(toy: Toy) -> None:
    decide_rows(toy.lake, "silver.events", "accept", rules=["known_group"], reason="a new shop")
    replayed(toy)
    found: Mapping[str, object] = next(
        r for r in toy.lake.batches_ledger.rows("silver.events") if r["kind"] == "replay"
    )
    assert {name: found[name] for name in ("batch", "read", "assayed", "quarantined", "offered", "inserted")} == {
        "batch": 2,
        "read": 2,
        "assayed": 2,
        "quarantined": 1,
        "offered": 1,
        "inserted": 1,
    }
    failed = {
        r["rule"]: r["failed"] for r in toy.lake.rules_ledger.rows("silver.events") if r["batch"] == 2 and r["failed"]
    }
    assert failed == {"v_in_range": 1}
