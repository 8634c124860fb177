"""Great Expectations on Spark, with a split of one's own, in both ways that it has to name the failing rows.

`work` asks for no more than the verdicts and the query of each failed expectation, and marks the rows by the conditions
of those queries. `keys` asks for the keys of all failing rows (COMPLETE), which needs a unique column, and joins them.
`validation` is the bare verdicts, nothing is written. The frame is kept in memory meanwhile, as is its default.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.meter import Meter
from benchmarks.peers_of_gate.expectations import EXPECTATIONS
from benchmarks.peers_of_gate.tables import append, told

FAILED = "_failed"


def run(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, Any]:
    """Each way on the small table first, then each on the measured one."""
    for name in ("warm", "measured"):
        for way, judge in WAYS.items():
            rows = spark.read.parquet(f"{sources}/{name}/{'with_key' if way == 'keys' else 'orders'}")
            folder = f"{warehouse}/{name}/{way}"
            with meter.section(f"warm_{way}" if name == "warm" else way):
                judge(rows, f"{folder}/good", f"{folder}/bad")
            spark.catalog.clearCache()
    read = spark.read.format("delta").load
    return {
        way: told(read(f"{warehouse}/measured/{way}/good"), read(f"{warehouse}/measured/{way}/bad"), FAILED)
        for way in ("work", "keys")
    }


def _by_query(rows: DataFrame, good: str, bad: str) -> None:
    results = _validate(rows, {"result_format": "BOOLEAN_ONLY", "return_unexpected_index_query": True})
    queries = {rule: found["unexpected_index_query"] for rule, found in results.items()}
    fails = {rule: F.coalesce(F.expr(_condition(query)), F.lit(False)) for rule, query in queries.items()}
    failed = F.array_compact(F.array(*(F.when(column, F.lit(rule)) for rule, column in fails.items())))
    is_bad = reduce(or_, fails.values(), F.lit(False))
    append(rows.where(~is_bad), good)
    append(rows.where(is_bad).withColumn(FAILED, failed.cast("array<string>")), bad)


def _condition(query: str) -> str:
    """The SQL within the query, which reads `df.filter(F.expr('...'))`."""
    filtered = ast.parse(query, mode="eval").body
    assert isinstance(filtered, ast.Call)
    assert isinstance(filtered.args[0], ast.Call)
    return str(ast.literal_eval(filtered.args[0].args[0]))


def _by_keys(rows: DataFrame, good: str, bad: str) -> None:
    asked = {"result_format": "COMPLETE", "unexpected_index_column_names": ["id"], "exclude_unexpected_values": True}
    found: dict[int, list[str]] = defaultdict(list)
    for rule, result in _validate(rows, {**asked, "return_unexpected_index_query": False}).items():
        for row in result["unexpected_index_list"]:
            for number in row["id"] if isinstance(row["id"], list) else [row["id"]]:
                found[number].append(rule)
    keys = pd.DataFrame({"id": list(found.keys()), FAILED: list(found.values())})
    failed = F.broadcast(rows.sparkSession.createDataFrame(keys, f"id bigint, {FAILED} array<string>"))
    append(rows.join(failed, "id", how="left_anti"), good)
    append(rows.join(failed, "id", how="inner"), bad)


def _verdicts(rows: DataFrame, good: str, bad: str) -> None:
    _validate(rows, {"result_format": "BOOLEAN_ONLY"})


WAYS: Mapping[str, Callable[[DataFrame, str, str], None]] = {
    "work": _by_query,
    "keys": _by_keys,
    "validation": _verdicts,
}


def _validate(rows: DataFrame, result_format: dict[str, Any]) -> dict[str, Any]:
    """What is said of each rule that failed."""
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark(name="orders").add_dataframe_asset(name="orders")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": rows})
    suite = gx.ExpectationSuite(name="orders")
    for rule, (name, arguments) in EXPECTATIONS.items():
        configuration = ExpectationConfiguration(type=name, kwargs=dict(arguments), meta={"rule": rule})
        suite.add_expectation_configuration(configuration)
    outcome = batch.validate(suite, result_format=result_format)
    failed = [(one.expectation_config, one.result) for one in outcome.results if not one.success]
    return {config.meta["rule"]: result for config, result in failed if config and config.meta}
