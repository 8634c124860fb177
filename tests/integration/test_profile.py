"""Measured by Spark: few jobs whatever the columns, the same text for the same rows, and every proposal holds."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from aurify.config.columns import parse_columns
from aurify.config.names import quoted
from aurify.errors import ConfigurationError, DataError
from aurify.quality import Outcome, Suite, load_suite
from aurify.quality.profile import Finding, Reference, TableFacts, findings, measured, suite_text
from aurify.quality.row_rules import failing
from aurify.session import work_session
from aurify.workflows.check import check
from aurify.workflows.profile import merge, profile, profile_file
from tests.integration.lakes import EVENTS, LISTS, Toy
from tests.integration.spark_jobs import jobs_of

TABLE = "silver.odd"
UTC = timezone.utc
ROWS = 1500
Draw = Callable[[random.Random, int], Any]


@pytest.fixture(scope="module")
def session(spark: SparkSession) -> SparkSession:
    """A session whose every question is one job."""
    own = work_session(spark)
    own.conf.set("spark.sql.adaptive.enabled", "false")
    return own


def one_of(*values: Any, rare: Any = None, share: float = 0.0) -> Draw:
    """Any of the values, a rare one now and then."""
    return lambda pick, row: rare if pick.random() < share else pick.choice(values)


COLUMNS: Mapping[str, tuple[str, Draw]] = {
    "id": ("bigint", lambda pick, row: row + 1),
    "a.b": ("string", lambda pick, row: f"{pick.choice('AC')}{row:06}"),
    "with space": ("string", one_of("x", "y z", "no", "é", rare=None, share=0.01)),
    "it's \"odd\"": ("string", lambda pick, row: f"{row // 2 if row < 6 else row:08}"),
    "ti`ck": ("string", lambda pick, row: f"{row - 700}" if row % 3 else f"{row / 4}"),
    "ünï #1": ("string", one_of("", " ", "a\nb", "\U0001f600", "'", '"', "#", "null", "yes", "2024-01-01", "\t", "\\")),
    "words": ("string", lambda pick, row: " ".join(pick.choices(["ab", "Cde", "f1", "ß"], k=pick.randint(1, 9)))),
    "long": ("string", lambda pick, row: "x" * pick.randint(60, 4000)),
    "digest": ("string", lambda pick, row: f"{pick.getrandbits(128):032x}"),
    "mail": ("string", lambda pick, row: f"{pick.choice('abc')}{row}.x@{pick.choice(['a', 'bc'])}.example"),
    "token": ("string", lambda pick, row: "".join(pick.choices("aB3dE6gH_-", k=22))),
    "nothing": ("string", one_of(None)),
    "n": ("int", one_of(*range(-50, 51), rare=2**31 - 1, share=0.01)),
    "status": ("smallint", one_of(1, 2, 5, 9)),
    "tiny": ("tinyint", one_of(-128, 127)),
    "zero": ("int", one_of(0)),
    "big": ("bigint", one_of(-(2**63), 2**63 - 1, 0, rare=None, share=0.3)),
    "wide": ("decimal(38,0)", lambda pick, row: Decimal(pick.randint(0, 10**37) + 9 * 10**37 - row % 2 * 18 * 10**37)),
    "price": ("decimal(12,4)", lambda pick, row: Decimal(pick.randint(1, 10**8)).scaleb(-4)),
    "fine": ("decimal(38,18)", lambda pick, row: Decimal(pick.getrandbits(120) % 10**37).scaleb(-18)),
    "x": ("double", one_of(0.1, -0.0, 1e300, -1e300, 5e-324, rare=math.nan, share=0.005)),
    "y": ("double", one_of(1.5, 2.5, math.inf, -math.inf, math.nan)),
    "f": ("float", one_of(0.1, 0.2, 3.3)),
    "day": ("date", lambda pick, row: date(2024, 1, 1) + timedelta(days=row // 50)),
    "far": ("date", one_of(date(1, 1, 1), date(9999, 12, 31))),
    "slot": ("string", lambda pick, row: f"slot {row % 50}"),
    "at": ("timestamp", lambda pick, row: datetime(1969, 12, 31, 23, 59, 59, row, tzinfo=UTC)),
    "local": ("timestamp_ntz", lambda pick, row: datetime.fromisoformat("2024-03-31 02:30:00") + timedelta(hours=row)),
    "flag": ("boolean", one_of(True, False, None)),
    "raw": ("binary", one_of(b"", b"\x00\xff")),
    "tags": ("array<string>", one_of(["a"], [], None)),
    "labels": ("map<string,int>", one_of({"a": 1}, {})),
    "place": ("struct<lat: double, town: string>", one_of((1.0, "b"), None)),
    "person": ("string PII", one_of("Ann Lee", "Bob O'Hara", "Cé Dé")),
    "age": ("int PII", one_of(23, 8191)),
}  # fmt: skip


def odd_frame(session: SparkSession, seed: int, rows: int = ROWS, names: Sequence[str] = tuple(COLUMNS)) -> DataFrame:
    """Rows of odd columns; the same for the same seed."""
    pick = random.Random(seed)
    held = [tuple(COLUMNS[name][1](pick, row) for name in names) for row in range(rows)]
    schema = parse_columns(", ".join(f"{quoted(name)} {COLUMNS[name][0]}" for name in names))
    return session.createDataFrame(held, schema)


def proposed(frame: DataFrame, **more: Any) -> tuple[TableFacts, list[Finding]]:
    """Facts and findings of a frame."""
    facts = measured(frame, TABLE, frame.schema, **more)
    return facts, findings(facts)


def loaded(folder: Path, frame: DataFrame, text: str) -> Suite:
    """The proposed text, read as a suite."""
    file = folder / "odd.yml"
    file.write_text(text, encoding="utf-8")
    return load_suite(file, TABLE, frame.schema)


def broken(frame: DataFrame, suite: Suite) -> list[str]:
    """The rules that do not hold on the frame."""
    fails = [failing(rule, frame.schema).alias(f"r{number}") for number, rule in enumerate(suite.rules)]
    judged = frame.select(*fails)
    (counts,) = judged.agg(*(F.count(F.when(F.col(name), 1)) for name in judged.columns)).collect()
    (present,) = frame.agg(*(F.count(quoted(rule.columns[0])) for rule in suite.rules)).collect()
    rows = frame.count()
    told = []
    for rule, failed, there in zip(suite.rules, counts, present, strict=True):
        looked_at = rows if rule.expectation.endswith("not_be_null") else there
        if (looked_at - failed) / looked_at < rule.mostly:
            told.append(f"{rule.text}: {failed} of {looked_at} fail")
    return told


@pytest.mark.parametrize(("seed", "rows"), [(1, ROWS), (2, ROWS), (3, 100), (4, 99), (5, 1)])
def test_every_proposal_holds_on_the_rows_it_came_from(
    session: SparkSession, tmp_path: Path, seed: int, rows: int
) -> None:
    frame = odd_frame(session, seed, rows).cache()
    facts, found = proposed(frame, keys=[("day", "slot")])
    suite = loaded(tmp_path, frame, suite_text(facts, found))
    assert len(suite.rules) == sum(1 for finding in found if finding.rule)
    assert len(suite.rules) > 40
    assert broken(frame, suite) == []
    frame.unpersist()


def test_what_the_columns_are_like_is_found(session: SparkSession) -> None:
    facts, found = proposed(odd_frame(session, 1), keys=[("day", "slot")])
    rules = {
        (f.columns, f.rule.expectation.removeprefix("expect_").removeprefix("column_")): f.rule for f in found if f.rule
    }

    def argument(column: str, expectation: str, name: str) -> object:
        return rules[(column,), expectation].arguments[name]

    assert argument("a.b", "values_to_match_regex", "regex") == r"^[A-Z]\d{6}$"
    assert argument("with space", "values_to_be_in_set", "value_set") == ["no", "x", "y z", "é"]
    assert rules[("with space",), "values_to_not_be_null"].mostly < 1
    assert argument("ti`ck", "values_to_match_regex", "regex") == r"^-?\d+(?:\.\d+)?$"
    assert argument("digest", "values_to_match_regex", "regex") == "^[0-9a-f]{32}$"
    assert "@" in str(argument("mail", "values_to_match_regex", "regex"))
    assert argument("token", "value_lengths_to_equal", "value") == 22
    assert argument("status", "values_to_be_in_set", "value_set") == [1, 2, 5, 9]
    assert dict(rules[("wide",), "values_to_be_between"].arguments) == {"min_value": 1 - 10**38}
    assert 0.99 <= rules[("x",), "values_to_be_between"].mostly < 1
    assert (("y",), "values_to_be_between") not in rules
    assert rules[("id",), "values_to_be_unique"].mostly == 1
    assert 0.99 <= rules[('it\'s "odd"',), "values_to_be_unique"].mostly < 1
    assert rules[("day", "slot"), "compound_columns_to_be_unique"].mostly == 1
    assert facts.distinct["day", "slot"] == ROWS


def test_few_jobs_measure_all_columns(session: SparkSession) -> None:
    narrow, wide = odd_frame(session, 1, names=["x"]), odd_frame(session, 1)
    for frame, most in ((narrow, 1), (wide, 3)):
        with jobs_of(session) as jobs:
            facts, _ = proposed(frame)
        assert jobs == [facts.jobs]
        assert facts.jobs == most


def test_the_same_rows_give_the_same_text_in_any_order(session: SparkSession) -> None:
    frame = odd_frame(session, 7, names=["id", "a.b", "with space", "ti`ck", "words", "status", "x", "day", "slot"])
    texts = {suite_text(*proposed(f)) for f in (frame, frame.orderBy(F.desc("words")), frame.repartition(5))}
    assert len(texts) == 1


def test_no_value_of_a_personal_column_is_in_the_text(session: SparkSession) -> None:
    text = suite_text(*proposed(odd_frame(session, 1, names=["person", "age"])))
    assert not [value for value in ("Ann", "Bob", "Hara", "C", "é", "23", "8191") if value in text.partition("##")[2]]
    assert "value_lengths_to_be_between: {column: person" in text


def test_pairs_are_looked_for_where_no_column_is_a_key(session: SparkSession) -> None:
    rows = session.range(4000).selectExpr(
        "CAST(id % 50 AS int) AS shop", "CAST(id DIV 50 AS int) AS number", "'a' AS c"
    )
    facts, found = proposed(rows)
    assert dict(facts.distinct) == {("shop", "number"): 4000}
    assert [f.columns for f in found if f.rule and "compound" in f.rule.expectation] == [("shop", "number")]


def test_references_are_counted_in_one_job_for_all_tables(session: SparkSession) -> None:
    columns = (
        "CAST(id % 7 AS int) AS shop_id",
        "CAST(id % 5 AS string) AS code",
        "CAST(nullif(id % 3, 0) AS int) AS tax_id",
    )
    lines = session.range(70).selectExpr(*columns)
    shops = session.range(6).selectExpr("id AS shop_id", "CAST(id AS int) AS tax_id")
    codes = session.range(5).selectExpr("CAST(id AS string) AS code")
    parents = {
        Reference("shop_id", "silver.shops", "shop_id"): shops,
        Reference("tax_id", "silver.shops", "tax_id"): shops,
        Reference("code", "silver.codes", "code"): codes,
    }
    with jobs_of(session) as jobs:
        facts = measured(lines, TABLE, lines.schema, parents=parents)
    assert jobs == [facts.jobs]
    assert facts.jobs <= 4
    assert list(facts.orphans.values()) == [10, 0, 0]


HEADER = "k,d,g,v,op,at"
SUITE = "- expect_column_values_to_not_be_null: {column: v, on_fail: warn}"


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """200 events of 150 keys, all but one with a price, and a suite that says one thing of them."""
    toy = Toy(tmp_path_factory.mktemp("profiled"), EVENTS + LISTS, {"silver.events": SUITE.removeprefix("- ")})
    day = datetime(2024, 1, 1, tzinfo=UTC)
    lines = [
        f"k{n % 150:03},{day + timedelta(days=n % 150 % 9):%Y-%m-%d},a,{n},P,2024-01-01 00:00:01" for n in range(200)
    ]
    toy.deliver("events/1.csv", HEADER, lines, at=1)
    toy.deliver("lists/1.csv", "k,d,v", [f"k{n:03},2024-01-01,1" for n in range(1, 200)], at=1)
    toy.refresh("+silver.events", "+silver.prices")
    return toy


def test_a_table_is_profiled_with_what_the_engine_sees_to(toy: Toy) -> None:
    with jobs_of(toy.lake.session) as jobs:
        found = profile(toy.lake, "silver.events")
    assert jobs == [found.facts.jobs]
    assert found.facts.rows == 150
    assert found.facts.orphans == {Reference("k", "silver.prices", "k"): 1}
    assert {c.name for c in found.facts.columns} == {"k", "d", "g", "v", "op", "at"}
    assert "the newest is kept" in found.text
    assert "not_be_null: {column: k" not in found.text
    assert json.dumps(found.as_dict(), default=str)


def test_the_suite_of_a_table_takes_in_what_it_does_not_have(toy: Toy) -> None:
    found = profile(toy.lake, "silver.events")
    path, added = merge(toy.lake, found)
    assert added == found.rules - 1
    assert SUITE in path.read_text(encoding="utf-8")
    assert len(toy.reopen().suites["silver.events"].rules) == 1 + added
    assert merge(toy.lake, found) == (path, 0)
    checked = check(toy.lake, "silver.events")
    assert {result.outcome for result in checked.results} == {Outcome.PASSED}


def test_a_table_without_rows_can_not_be_profiled(toy: Toy) -> None:
    with pytest.raises(ConfigurationError, match="it has no rows yet"):
        profile(toy.lake, "silver.log")


def test_files_are_profiled_too(toy: Toy, tmp_path: Path) -> None:
    amounts = [f"{n}.50" if n % 2 else f"-{n}" for n in range(120)]
    (tmp_path / "Day 1.csv").write_text(
        "Line No;amount\n" + "".join(f"{n};{a}\n" for n, a in enumerate(amounts)) + "x\n"
    )
    text = profile_file(toy.lake, str(tmp_path / "Day 1.csv"), None)
    assert (text.facts.table, text.facts.rows) == ("bronze.day_1", 120)
    assert r"regex: '^-?\d+(?:\.\d+)?$'" in text.text
    assert "{column: Line No}" in text.text

    pq.write_table(pa.table({"amount": [Decimal(a) for a in amounts]}), tmp_path / "day.parquet")
    typed = profile_file(toy.lake, str(tmp_path / "day.parquet"), None)
    assert isinstance(typed.facts.column("amount").kind, T.DecimalType)

    folder = profile_file(toy.lake, toy.path("silver.events"), None)
    assert folder.facts.rows == 150

    (tmp_path / "day.csv").write_text(f"{HEADER}\nk,2024-01-01,g,1,P,2024-01-01 00:00:00\n")
    cast = profile_file(toy.lake, str(tmp_path / "day.csv"), "silver.events")
    assert cast.facts.column("v").kind == T.IntegerType()


def test_a_file_that_can_not_be_read_is_named(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "cut.csv.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises((ConfigurationError, DataError), match=r"cut\.csv\.gz"):
        profile_file(toy.lake, str(tmp_path / "cut.csv.gz"), None)
    with pytest.raises(ConfigurationError, match="Delta log"):
        profile_file(toy.lake, str(tmp_path), None)
