"""Rules of scope `table` look at the table as the batch would leave it, and stop the batch before its commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.workflows.decide import BatchStopped
from aurify.workflows.decisions import decide_batch
from aurify.workflows.row_decisions import decide_rows
from tests.integration.lakes import EVENTS, LISTS, Toy

HEADER = "k,d,g,v,op,at"
LINES = "k,d,v"


def event(key: str, v: str = "1", at: int = 1, op: str = "P", g: str = "a") -> str:
    return f"{key},2024-01-01,{g},{v},{op},2024-01-01 00:00:{at:02d}"


def result(toy: Toy, table: str, batch: int) -> dict[str, Any]:
    """The ledger's row of the one rule of scope table."""
    (row,) = [r for r in toy.lake.rules_ledger.rows(table) if r["batch"] == batch and r["scope"] == "table"]
    return dict(row)


def test_a_value_is_unique_over_all_batches_of_an_append_table(spark: SparkSession, tmp_path: Path) -> None:
    unique = "expect_column_values_to_be_unique: {column: k, scope: table, id: k_once}"
    toy = Toy(tmp_path, EVENTS, {"silver.log": unique})
    toy.deliver("events/1.csv", HEADER, [event("k1"), event("k2")], at=1)
    toy.refresh()
    assert (result(toy, "silver.log", 1)["elements"], result(toy, "silver.log", 1)["outcome"]) == (2, "passed")
    toy.deliver("events/2.csv", HEADER, [event("k3"), event("k1", "7", 2)], at=2)
    with pytest.raises(BatchStopped, match="2 of 4 rows break k_once"):
        toy.refresh()
    assert len(toy.held("silver.log")) == 2, "nothing was published"


def test_a_table_of_changing_rows_is_judged_with_the_changes_and_without_the_deletes(
    spark: SparkSession, tmp_path: Path
) -> None:
    total = "expect_column_sum_to_be_between: {column: v, max_value: 10, scope: table, on_fail: warn, id: total}"
    toy = Toy(tmp_path, EVENTS, {"silver.events": total, "gold.groups": total.replace("column: v", "column: total")})
    toy.deliver("events/1.csv", HEADER, [event("k1", "5"), event("k2", "4"), event("k3", "3", g="b")], at=1)
    toy.refresh()
    assert (result(toy, "silver.events", 1)["observed"], result(toy, "silver.events", 1)["outcome"]) == ("12", "failed")
    newer = [event("k1", "1", 2), event("k2", "9", at=0), event("k3", "3", 2, "D", "b"), event("k4", "2", 2)]
    toy.deliver("events/2.csv", HEADER, newer, at=2)
    toy.refresh()
    assert sum(r["v"] for r in toy.held("silver.events") if not r["_deleted"]) == 7
    assert (result(toy, "silver.events", 2)["observed"], result(toy, "silver.events", 2)["outcome"]) == ("7", "passed")
    assert sum(r["total"] for r in toy.held("gold.groups")) == 7
    assert (result(toy, "gold.groups", 1)["observed"], result(toy, "gold.groups", 2)["observed"]) == ("12", "7")


def test_of_files_that_came_anew_only_the_newest_delivery_is_judged(spark: SparkSession, tmp_path: Path) -> None:
    unique = "expect_column_values_to_be_unique: {column: k, scope: table, id: k_once}"
    toy = Toy(tmp_path, LISTS, {"bronze.lists": unique})
    toy.deliver("lists/1.csv", LINES, ["a,2024-01-01,1", "b,2024-01-01,1"], at=1)
    toy.deliver("lists/2.csv", LINES, ["c,2024-01-01,1"], at=1)
    toy.refresh("bronze.lists")
    toy.deliver("lists/1.csv", LINES, ["a,2024-01-01,2"], at=2)
    toy.refresh("bronze.lists")
    assert (result(toy, "bronze.lists", 2)["elements"], result(toy, "bronze.lists", 2)["outcome"]) == (2, "passed")
    toy.deliver("lists/3.csv", LINES, ["b,2024-01-01,1"], at=3)
    toy.refresh("bronze.lists")
    assert result(toy, "bronze.lists", 3)["outcome"] == "passed", "b is gone from the first file"


def test_a_replay_is_stopped_by_a_rule_of_the_table_alone(spark: SparkSession, tmp_path: Path) -> None:
    suite = """
        expect_column_values_to_be_unique: {column: k, scope: table, id: k_once}
        expect_column_value_lengths_to_be_between: {column: v, max_value: 1, id: v_short}
        expect_table_row_count_to_be_between: {min_value: 2, id: two_rows}
    """
    toy = Toy(tmp_path, EVENTS, {"silver.log": suite})
    toy.deliver("events/1.csv", HEADER, [event("k1"), event("k2"), event("k1", "22"), event("k3", "33")], at=1)
    toy.refresh()
    decide_rows(toy.lake, "silver.log", "accept", rules=["v_short"], reason="why not")
    report = toy.lake.replay("silver.log")
    assert isinstance(report.tables["silver.log"].error, BatchStopped)
    assert "k_once" in str(report.tables["silver.log"].error)
    assert len(toy.held("silver.log")) == 2
    with pytest.raises(ConfigurationError, match="a replay, is open"):
        decide_rows(toy.lake, "silver.log", "reopen", rules=["v_short"], reason="too late")
    decide_batch(toy.lake, "silver.log", 2, "reject", "k1 is there already")
    assert {row["_state"] for row in toy.lake.quarantine("silver.log").collect()} == {"accepted"}, "they stay"
    assert {t.outcome for t in toy.refresh().tables.values()} == {"nothing new"}
    assert len(toy.held("silver.log")) == 2


def test_an_empty_table_is_judged_too(spark: SparkSession, tmp_path: Path) -> None:
    some = "expect_table_row_count_to_be_between: {min_value: 1, scope: table, id: some_rows}"
    toy = Toy(tmp_path, EVENTS, {"silver.events": some})
    toy.deliver("events/1.csv", HEADER, [event("k1", op="D")], at=1)
    with pytest.raises(BatchStopped, match="0 was observed"):
        toy.refresh()
