"""The gate marks every failed check of a row once, whatever the rules and however many there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurify.config.columns import parse_columns
from aurify.errors import ConfigurationError
from aurify.publish.staged import StagedFile
from aurify.quality import Check, OnFail, Rule, Scope, Suite, assay, checks_of
from aurify.quality.bits import UNJUDGED, WIDTH, Tally, tallies
from aurify.quality.conditions import read_condition

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS = "id int, quantity int, country string"
ROWS = [(1, 3, "France"), (2, None, "Mars"), (3, -5, "France"), (4, 500, None), (5, None, None)]
NOT_NULL = "expect_column_values_to_not_be_null"
BETWEEN = "expect_column_values_to_be_between"
UNIQUE = "expect_compound_columns_to_be_unique"


def _checks(rules: Sequence[Rule], columns: str = COLUMNS) -> list[Check]:
    return checks_of(Suite("silver.t", "", tuple(rules)), parse_columns(columns))


def _frame(spark: SparkSession, rows: Sequence[tuple[Any, ...]] = ROWS, columns: str = COLUMNS) -> DataFrame:
    return spark.createDataFrame(list(rows), parse_columns(columns))


def _rules() -> list[Rule]:
    return [
        Rule("there", NOT_NULL, ("quantity",), {}, OnFail.QUARANTINE, "quantity is not NULL"),
        Rule("small", BETWEEN, ("quantity",), {"max_value": 100}, OnFail.WARN, "quantity is at most 100"),
        Rule("positive", BETWEEN, ("quantity",), {"min_value": 0}, OnFail.DROP, "quantity is at least 0"),
        Rule("earth", "expect_column_values_to_be_in_set", ("country",), {"value_set": ("France",)},
             OnFail.FAIL, "country is one of 'France'"),
    ]  # fmt: skip


def test_the_gravest_failed_check_gives_the_verdict_and_reasons_stand_on_bad_rows_only(spark: SparkSession) -> None:
    found = {row.id: row for row in assay(_frame(spark), _checks(_rules())).collect()}
    assert {i: row.verdict for i, row in found.items()} == {1: "ok", 2: "fail", 3: "drop", 4: "ok", 5: "quarantine"}
    assert {i: row._mask0 for i, row in found.items()} == {1: None, 2: 0b1001, 3: 0b100, 4: 0b10, 5: 0b1}
    assert found[1]._failed is None
    assert found[4]._failed is None
    assert [tuple(reason) for reason in found[2]._failed] == [
        ("there", "quantity is not NULL", ["quantity"], [None]),
        ("earth", "country is one of 'France'", ["country"], ["Mars"]),
    ]


def test_a_check_whose_answer_is_null_lets_the_row_pass(spark: SparkSession) -> None:
    from pyspark.sql import functions as F

    check = Check("unknown", "nobody knows", ("quantity",), OnFail.FAIL, F.lit(None).cast("boolean"))
    assert {row.verdict for row in assay(_frame(spark), [check]).collect()} == {"ok"}


def test_without_checks_every_row_is_ok(spark: SparkSession) -> None:
    found = assay(_frame(spark), [])
    assert found.columns == ["id", "quantity", "country", "verdict", "_failed"]
    assert {(row.verdict, row._failed) for row in found.collect()} == {("ok", None)}


def test_a_check_may_show_other_values_than_those_of_its_columns(spark: SparkSession) -> None:
    from pyspark.sql import functions as F

    shown = (F.lit("12x"),)
    check = Check("cast(quantity)", "quantity is a int", ("quantity",), OnFail.QUARANTINE, F.lit(True), shown)
    (reason,) = assay(_frame(spark), [check]).first()._failed  # type: ignore[union-attr]
    assert (reason.columns, reason.values) == (["quantity"], ["12x"])


def test_binary_values_are_told_as_text(spark: SparkSession) -> None:
    frame = _frame(spark, [(bytearray(b"\xff\x00"),)], "raw binary")
    rule = Rule("none", "expect_column_values_to_be_null", ("raw",), {}, OnFail.DROP, "raw is NULL")
    assert assay(frame, _checks([rule], "raw binary")).first()._failed[0].values == ["FF00"]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["a.b", "a b", "a`b", "a'b", 'a"b', "a\\b", "ä,(b)"])
def test_a_column_may_have_any_name(spark: SparkSession, name: str) -> None:
    columns = f"`{name.replace('`', '``')}` int"
    rules = [
        Rule("there", NOT_NULL, (name,), {}, OnFail.DROP, "it is not NULL"),
        Rule("single", "expect_column_values_to_be_unique", (name,), {}, OnFail.DROP, "it is unique"),
    ]
    found = assay(_frame(spark, [(None,), (1,), (2,), (2,)], columns), _checks(rules, columns)).collect()
    told = Counter(tuple(r.id for r in row._failed or ()) for row in found)
    assert told == {("there",): 1, (): 1, ("single",): 2}


def test_names_of_the_gate_and_doubled_ids_are_refused(spark: SparkSession) -> None:
    with pytest.raises(ConfigurationError, match="columns Verdict"):
        assay(_frame(spark).withColumnRenamed("id", "Verdict"), [])
    with pytest.raises(ConfigurationError, match="several checks named there"):
        assay(_frame(spark), _checks([_rules()[0], _rules()[0]]))


@pytest.mark.parametrize(
    ("ignore", "repeated"),
    [("all_values_are_missing", {1, 2, 3, 4}), ("any_value_is_missing", {1, 2}), ("never", {1, 2, 3, 4, 5, 6})],
)
def test_missing_keys_are_passed_over_as_great_expectations_does(
    spark: SparkSession, ignore: str, repeated: set[int]
) -> None:
    rows = [(1, 1, "a"), (2, 1, "a"), (3, 1, None), (4, 1, None), (5, None, None), (6, None, None), (7, 2, "a")]
    kwargs = {"ignore_row_if": ignore}
    rule = Rule("key", UNIQUE, ("quantity", "country"), kwargs, OnFail.QUARANTINE, "they are unique together")
    found = assay(_frame(spark, rows), _checks([rule])).collect()
    assert {row.id for row in found if row.verdict == "quarantine"} == repeated


def _plan(frame: DataFrame) -> str:
    return str(frame._jdf.queryExecution().executedPlan().toString())


def test_each_rule_stands_once_in_the_plan_and_is_compiled_into_the_pass(spark: SparkSession, tmp_path: Path) -> None:
    _frame(spark).write.parquet(str(tmp_path / "in"))
    marks = [f"mark_{i}_of_rule" for i in range(12)]
    rules = [
        Rule(
            f"rule {i}",
            "expect_column_values_to_match_regex",
            ("country",),
            {"regex": mark},
            OnFail.QUARANTINE,
            f"rule {i}",
        )
        for i, mark in enumerate(marks)
    ]
    plan = _plan(assay(spark.read.parquet(str(tmp_path / "in")), _checks(rules)))
    assert [plan.count(mark) for mark in marks] == [1] * 12
    assert "Exchange" not in plan
    assert "Window" not in plan
    (judging,) = [line for line in plan.splitlines() if marks[0] in line]
    assert re.search(r"\*\(\d+\) Project", judging), "the rules are not in whole-stage code"


def test_only_a_rule_of_uniqueness_adds_a_shuffle(spark: SparkSession) -> None:
    rule = Rule("key", UNIQUE, ("id", "country"), {}, OnFail.QUARANTINE, "id and country are unique together")
    executed = _plan(assay(_frame(spark), _checks([*_rules(), rule])))
    assert executed.count("Window ") == 1
    assert executed.count("Exchange") == 1


def test_three_hundred_rules_on_a_hundred_columns_are_judged(spark: SparkSession) -> None:
    names = [f"c{i}" for i in range(100)]
    columns = ", ".join(f"{name} int" for name in names)
    kinds: list[tuple[str, dict[str, object]]] = [
        (NOT_NULL, {}), (BETWEEN, {"min_value": 0, "max_value": 9}),
        ("expect_column_values_to_not_be_in_set", {"value_set": (7,)}),
    ]  # fmt: skip
    rules = [Rule(f"{k}({n})", kind, (n,), kw, OnFail.QUARANTINE, "it holds")
             for k, (kind, kw) in enumerate(kinds) for n in names]  # fmt: skip
    checks = _checks(rules, columns)
    frame = _frame(spark, [(1,) * 100, (None,) * 100, (*[1] * 99, 7), (-1,) * 100], columns)
    judged = assay(frame, checks)
    assert [c for c in judged.columns if c.startswith("_mask")] == [f"_mask{i}" for i in range(-(-300 // WIDTH))]
    failed = [{reason.id for reason in row._failed or ()} for row in judged.collect()]
    assert failed == [set(), {f"0({n})" for n in names}, {"2(c99)"}, {f"1({n})" for n in names}]


def test_failures_are_counted_from_the_files_as_from_the_rows(spark: SparkSession, tmp_path: Path) -> None:
    from pyspark.sql import functions as F

    total = WIDTH + 8
    rules = [
        Rule(f"r{i}", BETWEEN, ("id",), {"max_value": 1000 - i * 14}, OnFail.WARN if i % 2 else OnFail.DROP, "small")
        for i in range(total)
    ]
    checks = _checks(rules, "id int")
    frame = spark.range(0, 1000, 1, 2).select(F.col("id").cast("int"))
    assay(frame, checks).write.partitionBy("verdict").parquet(str(tmp_path / "staged"))
    files = sorted(map(str, (tmp_path / "staged").rglob("*.parquet")))
    expected = {f"r{i}": max(0, 999 - (1000 - i * 14)) for i in range(total)}
    assert _failed(files, checks) == expected
    good = [file for file in files if "verdict=ok" in file]
    assert sum(_failed(good, checks).values()) < sum(expected.values())


def test_counting_reads_no_page_of_a_file_without_failures(spark: SparkSession, tmp_path: Path) -> None:
    clean = Rule("clean", NOT_NULL, ("id",), {}, OnFail.WARN, "id is not NULL")
    checks = _checks([clean])
    assay(_frame(spark), checks).coalesce(1).write.parquet(str(tmp_path / "clean"))
    (file,) = (tmp_path / "clean").glob("*.parquet")
    content = file.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    file.write_bytes(b"PAR1" + b"\x00" * (len(content) - footer - 4) + content[-footer:])
    assert _failed([str(file)], checks) == {"clean": 0}


def _failed(files: Sequence[str], checks: Sequence[Check]) -> dict[str, int]:
    staged = [StagedFile.read(file, 0, 0) for file in files]
    return {id: tally.failed for id, tally in tallies(staged, checks)[0].items()}


def _staged(folder: Path) -> list[StagedFile]:
    return [StagedFile.read(str(file), 0, 0) for file in folder.glob("*.parquet")]


def test_rows_outside_a_condition_passed_over_and_undetermined_are_told_apart(
    spark: SparkSession, tmp_path: Path
) -> None:
    condition = read_condition("quantity >= 0 OR quantity IS NULL", None, parse_columns(COLUMNS))
    rules = [
        Rule("earth", "expect_column_values_to_be_in_set", ("country",), {"value_set": ("France",)}, OnFail.WARN,
             "country is France", condition=condition),
        Rule("greater", "expect_column_pair_values_a_to_be_greater_than_b", ("quantity", "id"), {}, OnFail.WARN,
             "quantity is greater than id"),
    ]  # fmt: skip
    checks = _checks(rules)
    assay(_frame(spark), checks).coalesce(1).write.parquet(str(tmp_path / "out"))
    found, unjudged = tallies(_staged(tmp_path / "out"), checks)
    assert found["earth"] == Tally(failed=1, outside=1, skipped=2, unknown=0)
    assert found["greater"] == Tally(failed=1, outside=0, skipped=0, unknown=2)
    assert unjudged == 0


def test_a_rule_of_the_batch_takes_no_row_out(spark: SparkSession) -> None:
    rule = Rule("there", NOT_NULL, ("quantity",), {}, OnFail.FAIL, "there", scope=Scope.BATCH, mostly=0.5)
    found = assay(_frame(spark), _checks([rule])).collect()
    assert {row.verdict for row in found} == {"ok"}
    assert sum(row._mask0 == 1 for row in found) == 2


def test_a_row_that_no_check_looked_at_is_counted_apart(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([(1,), (UNJUDGED,), (None,)], "_mask0 bigint").coalesce(1)
    frame.write.parquet(str(tmp_path / "out"))
    found, unjudged = tallies(_staged(tmp_path / "out"), _checks(_rules()[:1]))
    assert (found["there"].failed, unjudged) == (1, 1)
