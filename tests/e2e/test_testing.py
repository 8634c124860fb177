"""`aurify.testing.refresh`: what a table's own test can say in a few lines."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from aurify import Recompute, Upsert, changes, folder, snapshot, table
from aurify.errors import ConfigurationError
from aurify.testing import refresh, refreshed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.usefixtures("spark")


@table(
    "bronze.visits",
    inputs={"files": folder("visits", pattern="*.csv")},
    write=Upsert(order_by="at"),
    keys=["id"],
    columns="id string, at timestamp, seconds int",
    owner="shop",
)
def visits(files: DataFrame) -> DataFrame:
    """One row per visit."""
    return files


@table(
    "silver.prices",
    inputs={"lines": changes("bronze.prices"), "names": snapshot("silver.names")},
    keys=["code"],
    write=Upsert(order_by="changed_at"),
    columns="code string, name string, price decimal(12,2), changed_at timestamp",
    owner="shop",
)
def prices(lines: DataFrame, names: DataFrame) -> DataFrame:
    """One row per product."""
    named = lines.join(names, on="code", how="left")
    return named.select("code", "name", "price", F.col("_delivered_at").alias("changed_at"))


@table(
    "gold.count",
    inputs={"rows": changes("silver.things")},
    keys=["kind"],
    write=Recompute(by="kind"),
    columns="kind string, row_count bigint",
    owner="shop",
)
def counted(rows: DataFrame) -> DataFrame:
    """One row per kind."""
    return rows.groupBy("kind").agg(F.count("*").alias("row_count"))


NAMES = [{"code": "a", "name": "apple"}]


def test_the_example_is_true(spark: SparkSession) -> None:
    found = doctest.DocTestFinder().find(refresh, "refresh", module=refreshed)
    assert sum(doctest.DocTestRunner().run(example).failed for example in found) == 0


def test_a_newer_delivery_of_a_file_corrects_and_takes_away() -> None:
    monday = [{"code": "a", "price": "1.50"}, {"code": "b", "price": "2"}]
    done = refresh(
        prices,
        batches=[{"lines": {"list": monday}, "names": NAMES}, {"lines": {"list": [{"code": "a", "price": "3"}]}}],
    )
    assert [(row["code"], row["name"], str(row["price"])) for row in done.rows] == [("a", "apple", "3.00")]
    assert (done.balances[1].updated, done.balances[1].deleted) == (1, 1)


def test_rows_of_a_folder_go_through_its_own_format(spark: SparkSession) -> None:
    rows: list[dict[str, object]] = [
        {"id": "1", "at": "2024-03-01 10:00:00", "seconds": 5},
        {"id": "2", "at": "soon", "seconds": None},
    ]
    done = refresh(visits, batches=[{"files": rows}], spark=spark)
    assert [(row["id"], row["at"].isoformat(), row["seconds"]) for row in done.rows] == [
        ("1", "2024-03-01T10:00:00", 5)
    ]
    assert [row["_failed"] for row in done.quarantined] == [["cast(at)", "order_not_null(at)"]]


def test_groups_follow_the_rows_that_they_are_made_of() -> None:
    rows = [{"id": 1, "kind": "x"}, {"id": 2, "kind": "y"}]
    done = refresh(counted, batches=[{"rows": {"one": rows}}, {"rows": {"one": rows[:1], "two": rows[:1]}}])
    assert [(row["kind"], row["row_count"]) for row in done.rows] == [("x", 2)]


def test_views_of_the_temporary_lake_are_gone_afterwards(spark: SparkSession) -> None:
    refresh(counted, batches=[{"rows": [{"kind": "x"}]}])
    assert not [t.name for t in spark.catalog.listTables("gold") if t.name.startswith("aurify_")]


@pytest.mark.parametrize(
    ("batches", "told"),
    [
        ([{"line": NAMES}, {"lines": NAMES, "names": NAMES}], "did you mean 'lines'"),
        ([{"lines": NAMES}, {"names": NAMES}], "rows for every input"),
        ([{"lines": NAMES}], "no row in any batch"),
        ([{"lines": [{"code": 1}, {"code": "a"}], "names": NAMES}], "lines.code"),
    ],
)
def test_a_mistake_of_the_test_is_told(batches: list[dict[str, list[dict[str, object]]]], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        refresh(prices, batches=batches)


def test_a_function_without_a_spec_is_no_table() -> None:
    with pytest.raises(ConfigurationError, match="@table"):
        refresh(lambda rows: rows, batches=[])
