"""spark-expectations: rules of rows that drop, a target and an error table, both written by the library itself.

A rule that gives NULL fails there, so each rule says that NULL passes. Nothing is sent to Kafka or to anybody.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from spark_expectations.config.user_config import Constants
from spark_expectations.core.expectations import SparkExpectations, WrappedDataFrameWriter

from benchmarks.gate_shapes import CODES
from benchmarks.meter import Meter
from benchmarks.peers_of_gate.tables import told

PRODUCT = "gate"
RULES = {
    "order_id_there": ("order_id", "order_id IS NOT NULL"),
    "order_id_shape": ("order_id", "order_id IS NULL OR order_id RLIKE '^O[0-9]{9}$'"),
    "customer_there": ("customer_id", "customer_id IS NOT NULL"),
    "country_length": ("country", "country IS NULL OR length(country) = 2"),
    "country_known": ("country", f"country IS NULL OR country IN {CODES!r}"),
    "status_known": ("status", "status IS NULL OR status IN ('new', 'paid', 'sent', 'back')"),
    "amount_range": ("amount", "amount IS NULL OR amount BETWEEN 0 AND 10000"),
    "amount_there": ("amount", "amount IS NOT NULL"),
    "quantity_range": ("quantity", "quantity IS NULL OR quantity BETWEEN 1 AND 1000"),
    "amount_covers": ("amount", "amount IS NULL OR quantity IS NULL OR amount >= quantity"),
    "email_shape": ("email", "email IS NULL OR email RLIKE '^[^@ ]+@[^@ ]+[.][a-z]{2,}$'"),
    "ordered_range": (
        "ordered_at",
        "ordered_at IS NULL OR ordered_at BETWEEN TIMESTAMP'2020-01-01 00:00:00' AND TIMESTAMP'2030-01-01 00:00:00'",
    ),
}
SCHEMA = """
    product_id string, table_name string, rule_type string, rule string, column_name string, expectation string,
    action_if_failed string, tag string, description string, enable_for_source_dq_validation boolean,
    enable_for_target_dq_validation boolean, is_active boolean, enable_error_drop_alert boolean,
    error_drop_threshold int, query_dq_delimiter string, enable_querydq_custom_output boolean, priority string
"""
RULES_OF_A_ROW = "transform(meta_row_dq_results, m -> m['rule'])"
# What the last eight columns hold.
OF_EACH = (False, False, True, False, 0, "", False, "medium")


def run(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, Any]:
    """The small table first, then the measured one."""
    for name in ("warm", "measured"):
        target = f"default.{name}"
        with meter.section("warm" if name == "warm" else "work"):
            _load(spark, f"{sources}/{name}/orders", target)
    return {"work": told(spark.table(target), spark.table(f"{target}_error"), RULES_OF_A_ROW)}


def _load(spark: SparkSession, source: str, target: str) -> None:
    writer = WrappedDataFrameWriter().mode("append").format("delta")
    expectations = SparkExpectations(
        product_id=PRODUCT,
        rules_df=_rules(spark, target),
        stats_table="default.stats",
        stats_table_writer=writer,
        target_and_error_table_writer=writer,
        stats_streaming_options={Constants.se_enable_streaming: False},
    )
    conf = {
        Constants.se_enable_error_table: True,
        Constants.se_notifications_on_start: False,
        Constants.se_notifications_on_completion: False,
        Constants.se_notifications_on_fail: False,
    }
    judged = expectations.with_expectations(target_table=target, write_to_table=True, user_conf=conf)
    judged(lambda: spark.read.parquet(source))()


def _rules(spark: SparkSession, target: str) -> DataFrame:
    rows = [
        (PRODUCT, target, "row_dq", rule, column, expectation, "drop", "validity", rule, *OF_EACH)
        for rule, (column, expectation) in RULES.items()
    ]
    return spark.createDataFrame(rows, SCHEMA)
