"""A class of Great Expectations' own kind is an expectation like any other: it runs there, over the staged rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.workflows.decide import BatchStopped
from tests.integration.lakes import EVENTS, Toy

pytestmark = pytest.mark.filterwarnings("ignore")

PLUGIN = '''
import great_expectations.expectations as gxe


class ExpectVTotalToBeSmall(gxe.ExpectColumnSumToBeBetween):
    """A sum with a bound of its own."""

    column: str = "v"
    max_value: float = 10
'''
HEADER = "k,d,g,v,op,at"


def event(key: str, v: str) -> str:
    return f"{key},2024-01-01,a,{v},P,2024-01-01 00:00:01"


def test_it_judges_the_rows_that_would_be_published(spark: SparkSession, tmp_path: Path) -> None:
    suite = "expect_v_total_to_be_small: {max_value: 20, id: small, row_condition: k <> 'no', condition_parser: spark}"
    toy = Toy(tmp_path, PLUGIN + EVENTS, {"silver.events": suite})
    toy.deliver("events/1.csv", HEADER, [event("a", "12"), event("b", "3"), event("no", "90"), event("c", "x")], at=1)
    plan = toy.lake.plan("silver.events").tables["silver.events"]
    assert any("ExpectVTotalToBeSmall in Great Expectations itself" in line for line in plan.suite)
    toy.refresh()
    (row,) = [r for r in toy.lake.rules_ledger.rows("silver.events") if r["rule"] == "small"]
    assert (row["outcome"], json.loads(row["observed"])) == ("passed", 15)
    toy.deliver("events/2.csv", HEADER, [event("d", "21")], at=2)
    with pytest.raises(BatchStopped, match="21 was observed"):
        toy.refresh()


def test_its_mistakes_are_told_without_data(spark: SparkSession, tmp_path: Path) -> None:
    toy = Toy(tmp_path, PLUGIN + EVENTS, {"silver.events": "expect_v_total_to_be_small: {maximum: 20}"})
    with pytest.raises(ConfigurationError) as told:
        toy.lake.plan()
    assert "maximum" in str(told.value)
    assert "max_value" in str(told.value)
