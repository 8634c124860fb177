"""A refresh that finds nothing new costs no Spark; names hide what readers must not see."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import aurify
from aurify.workflows.lake import Lake
from tests.integration.lakes import EVENTS, Toy, outcomes
from tests.integration.spark_jobs import jobs_of

HEADER = "k,d,g,v,op,at"


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Two days of events; the second deletes a row of the first."""
    toy = Toy(tmp_path_factory.mktemp("quiet lake, 100% ü"), EVENTS)
    toy.deliver("events/1.csv", HEADER, ["k1,2024-01-01,a,1,P,2024-01-01 00:00:01"], at=1)
    toy.deliver("events/1b.csv", HEADER, ["k2,2024-01-01,,2,P,2024-01-01 00:00:01"], at=1)
    toy.refresh()
    toy.deliver("events/2.csv", HEADER, ["k1,2024-01-01,a,1,D,2024-01-01 00:00:02"], at=2)
    toy.refresh()
    return toy


def files_below(root: Path) -> dict[str, int]:
    """Every file of the warehouse, with its time of change."""
    return {str(p): p.stat().st_mtime_ns for p in (root / "lake").rglob("*") if p.is_file() and "lease" not in str(p)}


def test_a_refresh_that_finds_nothing_new_runs_no_spark_job_and_writes_nothing(toy: Toy, spark: SparkSession) -> None:
    files = files_below(toy.root)
    with jobs_of(spark) as jobs:
        for _ in range(2):
            report = toy.refresh()
            assert set(outcomes(report).values()) == {"nothing new"}
            assert report.exit_code == 0
    assert jobs == [0]
    assert files_below(toy.root) == files


def test_plan_and_a_refresh_that_finds_nothing_new_ask_for_no_session(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = aurify.connect("local", project=toy.root)

    def refuse(self: Lake) -> SparkSession:
        raise AssertionError("a session was asked for")

    monkeypatch.setattr(Lake, "session", property(refuse))
    assert set(outcomes(lake.refresh()).values()) == {"nothing new"}
    assert lake.plan().exit_code == 0
    toy.deliver("events/3.csv", HEADER, ["k3,2024-01-01,a,1,P,2024-01-01 00:00:01"], at=3)
    planned = lake.plan().tables
    (toy.root / "landing/events/3.csv").unlink()
    assert (planned["bronze.events"].action, planned["bronze.events"].files) == ("refresh", 1)
    assert planned["silver.events"].action == "follows bronze.events"
    assert planned["gold.groups"].action == "follows silver.events"


def test_a_process_that_finds_nothing_new_starts_no_jvm(toy: Toy) -> None:
    code = (
        "import aurify, json, sys; lake = aurify.connect('local', project=sys.argv[1]); report = lake.refresh();"
        "from pyspark import SparkContext;"
        "print(json.dumps([report.exit_code, lake.has_session, SparkContext._gateway is None]))"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(toy.root)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [0, False, True]


def test_a_name_hides_tombstones_and_their_mark_and_the_path_shows_them(toy: Toy) -> None:
    spark = toy.reopen().spark
    for rows in (
        spark.table("silver.events"),
        toy.lake.sql("SELECT * FROM silver.events"),
        toy.lake.read("silver.events"),
    ):
        assert rows.columns == ["k", "d", "g", "v", "op", "at"]
        assert [row["k"] for row in rows.collect()] == ["k2"]
    raw = spark.read.format("delta").load(toy.path("silver.events"))
    assert Counter((row["k"], row["_deleted"]) for row in raw.collect()) == Counter([("k1", True), ("k2", None)])
    assert toy.lake.sql("SELECT n FROM gold.groups").collect() == [(1,)]
    assert spark.table("bronze.events").count() == 3


def test_a_name_is_there_in_a_session_that_is_handed_over(toy: Toy, spark: SparkSession) -> None:
    other = spark.newSession()
    lake = aurify.connect("local", project=toy.root, spark=other)
    assert lake.sql("SELECT k FROM silver.events").collect() == [("k2",)]
    assert lake.spark is other


def test_an_earlier_version_is_read_by_its_number(toy: Toy) -> None:
    first = next(v for v in range(1, toy.version("silver.events")) if toy.lake.read("silver.events", v).count() == 2)
    assert {row["k"] for row in toy.lake.read("silver.events", first).collect()} == {"k1", "k2"}


def test_a_table_without_rows_yet_says_what_to_do(spark: SparkSession, tmp_path: Path) -> None:
    fresh = Toy(tmp_path, EVENTS)
    with pytest.raises(aurify.errors.ConfigurationError, match=r"aurify refresh \+silver\.events"):
        fresh.lake.read("silver.events")
    report = fresh.refresh()
    assert outcomes(report) == {
        "bronze.events": "nothing new",
        "silver.events": "waiting",
        "silver.log": "waiting",
        "gold.groups": "waiting",
    }
    assert report.exit_code == 0
