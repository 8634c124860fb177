"""Rules of a batch as a whole in a real refresh: they stop it before its commit, and stand in the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.workflows.check import check
from aurify.workflows.data_docs import data_docs
from aurify.workflows.decide import BatchStopped
from aurify.workflows.report import RunReport
from aurify.workflows.validation import validation_result
from tests.integration.lakes import LISTS, Toy, only_batch

HEADER = "k,d,v"
OWN = """
from aurify import row_expectation, table_expectation


@row_expectation("expect_column_values_to_be_divisible", "{column} is a multiple of {by}")
def is_divisible(column, by: int):
    return column % by == 0


@table_expectation("expect_column_range_to_be_between", "the range of {column} is {range}")
def value_range(column):
    return F.max(column) - F.min(column)
"""
SUITE = """
    expect_column_values_to_not_be_null: {column: v, mostly: 0.5, id: mostly_there}
    expect_column_mean_to_be_between: {column: v, min_value: 1, max_value: 10, id: usual_mean}
    expect_table_row_count_to_be_between: {min_value: 1, max_value: 3, on_fail: warn, id: few_rows}
    expect_column_values_to_be_between: {column: v, max_value: 100, stop_above: 0.5, id: small}
"""


def line(key: str, value: object) -> str:
    return f"{key},2024-01-01,{value}"


def told(toy: Toy, table: str = "silver.prices", batch: int = 1) -> dict[str, dict[str, Any]]:
    """The ledger's rows of a batch by rule."""
    rows = toy.lake.rules_ledger.rows()
    return {r["rule"]: dict(r) for r in rows if (r["table"], r["batch"]) == (table, batch)}


@pytest.fixture(scope="module")
def delivered(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A lake to copy, with files and no table yet."""
    toy = Toy(tmp_path_factory.mktemp("rules"), LISTS, {"silver.prices": SUITE})
    toy.deliver("lists/1.csv", HEADER, [line("a", 2), line("b", 4), line("c", 6), line("d", 500), line("e", "")], at=1)
    return toy


@dataclass(frozen=True)
class FirstDay:
    """A lake to copy, and what its refresh told."""

    toy: Toy
    report: RunReport


@pytest.fixture(scope="module")
def first_day(delivered: Toy, tmp_path_factory: pytest.TempPathFactory) -> FirstDay:
    """The first batch, judged."""
    toy = delivered.copied(tmp_path_factory.mktemp("first day") / "toy")
    return FirstDay(toy, toy.refresh("bronze.lists", "silver.prices"))


@pytest.fixture
def toy(first_day: FirstDay, tmp_path: Path) -> Toy:
    """A copy of the first day, to change."""
    return first_day.toy.copied(tmp_path / "toy")


def test_they_look_at_the_rows_that_would_be_published_and_stand_in_the_ledger(first_day: FirstDay) -> None:
    toy, report = first_day.toy, first_day.report
    assert only_batch(report.tables["silver.prices"])["quarantined"] == 1
    found = told(toy)
    assert (found["usual_mean"]["outcome"], json.loads(found["usual_mean"]["observed"])) == ("passed", 4.0)
    assert (found["few_rows"]["outcome"], found["few_rows"]["on_fail"]) == ("failed", "warn")
    small = found["small"]
    assert [small[n] for n in ("elements", "missing", "unexpected", "outcome")] == [5, 1, 1, "failed"]
    assert json.loads(small["sample"]) == [500]
    assert [found["mostly_there"][n] for n in ("scope", "outcome", "unexpected")] == ["batch", "passed", 1]


def test_one_that_fails_stops_the_batch_before_its_commit(toy: Toy) -> None:
    before = toy.version("silver.prices")
    toy.deliver("lists/2.csv", HEADER, [line("f", 50), line("g", 60)], at=2)
    with pytest.raises(BatchStopped, match=r"55\.0 was observed"):
        toy.refresh("bronze.lists", "silver.prices")
    assert toy.version("silver.prices") == before


@pytest.mark.parametrize(
    ("values", "told"),
    [([500, 600, 2], "2 of 3 rows break small, more than 50 %"), (["", "", 2], "2 of 3 rows break mostly_there")],
)
def test_too_large_a_share_of_failing_rows_stops_the_batch(toy: Toy, values: list[object], told: str) -> None:
    toy.deliver("lists/2.csv", HEADER, [line(f"n{i}", v) for i, v in enumerate(values)], at=2)
    with pytest.raises(BatchStopped, match=told):
        toy.refresh("bronze.lists", "silver.prices")


def test_rows_withdrawn_upstream_are_no_rows_of_a_rule(toy: Toy) -> None:
    toy.deliver("lists/1.csv", HEADER, [line("a", 3), line("b", "")], at=2)
    report = toy.refresh("bronze.lists", "silver.prices")
    assert report.tables["silver.prices"].batches[0].balance.withdrawn == 5
    small = told(toy, batch=2)["small"]
    assert [small[n] for n in ("elements", "missing", "unexpected")] == [2, 1, 0]
    assert json.loads(told(toy, batch=2)["usual_mean"]["observed"]) == 3.0


def test_where_no_row_is_left_only_their_number_is_judged(delivered: Toy, tmp_path: Path) -> None:
    toy = delivered.copied(tmp_path / "toy")
    toy.suite("silver.prices", SUITE + "expect_column_values_to_be_in_set: {column: k, value_set: [z], on_fail: drop}")
    toy.reopen().refresh("bronze.lists", "silver.prices")
    found = told(toy)
    assert found["usual_mean"]["outcome"] == "not applicable"
    assert (found["few_rows"]["outcome"], json.loads(found["few_rows"]["observed"])) == ("failed", 0)


def test_against_the_history_of_the_table(spark: SparkSession, tmp_path: Path) -> None:
    volume = "expect_table_row_count_to_be_near_history: {min_batches: 2, slack: 0.5, id: volume}"
    toy = Toy(tmp_path, LISTS, {"bronze.lists": volume})
    for day in (1, 2):
        toy.deliver(f"lists/{day}.csv", HEADER, [line(f"{day}-{i}", i) for i in range(4)], at=day)
        toy.refresh("bronze.lists")
        assert told(toy, "bronze.lists", day)["volume"]["outcome"] == "not applicable"
    toy.deliver("lists/3.csv", HEADER, [line("3", 1)], at=3)
    with pytest.raises(BatchStopped, match="1 was observed"):
        toy.refresh("bronze.lists")


def test_a_foreign_key_into_another_table(spark: SparkSession, tmp_path: Path) -> None:
    known = "expect_column_values_to_exist_in_table: {{column: {0}, other_table_name: silver.prices, other_column: k}}"
    toy = Toy(tmp_path, LISTS, {"gold.lines": known.format("d")})
    with pytest.raises(ConfigurationError) as wrong:
        Toy(tmp_path / "circle", LISTS, {"bronze.lists": known.format("k")}).lake.suites  # noqa: B018
    assert "a circle" in str(wrong.value)
    toy.deliver("lists/1.csv", HEADER, [line("2024-01-01", 1), "b,2024-01-02,2", "c,2024-01-02,3"], at=1)
    report = toy.refresh()
    assert report.tables["gold.lines"].batches[0].balance.quarantined == 1
    assert [row["d"] for row in toy.held("gold.lines")] == ["2024-01-01"]


def test_expectations_of_the_project_s_own(spark: SparkSession, tmp_path: Path) -> None:
    suite = """
        expect_column_values_to_be_divisible: {column: v, by: 2, id: even}
        expect_column_range_to_be_between: {column: v, max_value: 100, id: range}
    """
    toy = Toy(tmp_path, OWN + LISTS, {"silver.prices": suite})
    toy.deliver("lists/1.csv", HEADER, [line("a", 2), line("b", 3), line("c", 90)], at=1)
    toy.refresh("bronze.lists", "silver.prices")
    found = told(toy)
    assert (found["even"]["unexpected"], json.loads(found["even"]["sample"])) == (1, [3])
    assert (found["range"]["outcome"], json.loads(found["range"]["observed"])) == ("passed", 88.0)


def test_check_finds_the_same_without_publishing(toy: Toy, tmp_path: Path) -> None:
    version = toy.version("silver.prices")
    held = {r.id: r for r in check(toy.lake, "silver.prices").results}
    assert [held["small"].failed, held["mostly_there"].failed, held["usual_mean"].observed] == [0, 1, 4.0]
    file = tmp_path / "new.csv"
    file.write_text("k,d,v,at\na,2024-01-01,1,2024-01-01 00:00:00\nb,2024-01-01,300,2024-01-01 00:00:00\n")
    found = check(toy.lake, "silver.prices", str(file))
    by_id = {r.id: r for r in found.results}
    assert (found.rows, found.exit_code) == (2, 1)
    assert (by_id["small"].failed, list(by_id["small"].sample)) == (1, [300])
    assert toy.version("silver.prices") == version


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_batch_is_told_as_great_expectations_tells_it_and_rendered(toy: Toy, tmp_path: Path) -> None:
    result = validation_result(toy.lake, "silver.prices", 1, 1)
    by_type = {r["expectation_config"]["type"]: r for r in result["results"]}
    small = by_type["expect_column_values_to_be_between"]
    assert small["result"]["unexpected_percent_nonmissing"] == 25.0
    assert by_type["expect_column_mean_to_be_between"]["result"]["observed_value"] == 4.0
    assert result["statistics"]["evaluated_expectations"] == 4
    pages = data_docs(toy.lake, tmp_path / "site", ["silver.prices"], 5)
    assert [(p.table, p.batch, p.is_good) for p in pages] == [("silver.prices", 1, False)]
    page = (tmp_path / "site" / pages[0].path).read_text(encoding="utf-8")
    assert "values must be" in page
    for fetched in ('src="http', 'href="https://unpkg', 'href="https://maxcdn', "@import"):
        assert fetched not in page


@pytest.mark.filterwarnings("ignore")
def test_great_expectations_itself_validates_an_exported_suite(toy: Toy, spark: SparkSession) -> None:
    import great_expectations as gx

    from aurify.workflows.suites import exported

    suite = gx.ExpectationSuite(**dict(exported(toy.lake, "silver.prices")))
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark("spark").add_dataframe_asset("prices")
    definition = asset.add_batch_definition_whole_dataframe("whole")
    rows = toy.lake.read("silver.prices")
    result = definition.get_batch(batch_parameters={"dataframe": rows}).validate(suite)
    failed = [c.type for r in result.results if not r.success and (c := r.expectation_config) is not None]
    assert (len(result.results), failed) == (4, ["expect_table_row_count_to_be_between"])
