"""lakehouse-engine: a load whose data quality step tags the rows; a filter on the tag writes two tables.

It needs a unique column, and gives one table; the ACON ends in a frame, so that the rows are not written twice.
"""

from __future__ import annotations

from typing import Any

from lakehouse_engine.engine import load_data
from pyspark.sql import DataFrame, SparkSession

from benchmarks.meter import Meter
from benchmarks.peers_of_gate.expectations import EXPECTATIONS
from benchmarks.peers_of_gate.tables import append, told

TAG = "dq_validations"


def run(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, Any]:
    """The small table first, then the measured one."""
    for name in ("warm", "measured"):
        good, bad = f"{warehouse}/{name}/good", f"{warehouse}/{name}/bad"
        with meter.section("warm" if name == "warm" else "work"):
            _load(f"{sources}/{name}/with_key", f"{warehouse}/{name}", good, bad)
        spark.catalog.clearCache()
    return {"work": told(_read(spark, good), _read(spark, bad), _rules())}


def _load(source: str, folder: str, good: str, bad: str) -> None:
    tagged = load_data(acon=_acon(source, folder), collect_engine_usage="disabled")["tagged"]
    append(tagged.where(f"{TAG}.run_row_success").drop(TAG), good)
    append(tagged.where(f"NOT {TAG}.run_row_success"), bad)


def _acon(source: str, folder: str) -> dict[str, Any]:
    functions = [{"function": name, "args": dict(arguments)} for name, arguments in EXPECTATIONS.values()]
    return {
        "input_specs": [{"spec_id": "orders", "read_type": "batch", "data_format": "parquet", "location": source}],
        "dq_specs": [
            {
                "spec_id": "checked",
                "input_id": "orders",
                "dq_type": "validator",
                "store_backend": "file_system",
                "local_fs_root_dir": f"{folder}/dq",
                "dq_functions": functions,
                "unexpected_rows_pk": ["id"],
                "tag_source_data": True,
                "fail_on_error": False,
                "cache_df": True,
            }
        ],
        "output_specs": [{"spec_id": "tagged", "input_id": "checked", "data_format": "dataframe"}],
        # It turns this on by default: a shuffle before each write.
        "exec_env": {"spark.databricks.delta.optimizeWrite.enabled": False},
    }


def _rules() -> str:
    """The ids of the rules, from the expectations that the tag names by type and column."""
    column = "coalesce(get_json_object(d.kwargs, '$.column'), get_json_object(d.kwargs, '$.column_A'))"
    whens = (
        f"WHEN d.expectation_type = '{name}' AND {column} = '{arguments.get('column', arguments.get('column_A'))}' "
        f"THEN '{rule}'"
        for rule, (name, arguments) in EXPECTATIONS.items()
    )
    return f"transform({TAG}.dq_failure_details, d -> CASE {' '.join(whens)} ELSE d.expectation_type END)"


def _read(spark: SparkSession, path: str) -> DataFrame:
    return spark.read.format("delta").load(path)
