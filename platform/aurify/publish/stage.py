"""The one write of a batch: assayed rows as Parquet, split by verdict, and how many were handed to it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RECENT_EXECUTIONS = 50


def write_staged(frame: DataFrame, folder: str, what: str, rows_per_file: int) -> int:
    """Write the rows below `folder`, one folder a verdict, and give the rows that the write was handed.

    The count is Spark's own of the tasks that committed, taken as rows are handed to the writer:
    a retried task counts once, and nothing that happens to the files afterwards changes it.
    """
    spark = frame.sparkSession
    name = f"{what} [{uuid.uuid4().hex[:12]}]"
    spark.sparkContext.setJobDescription(name)
    try:
        frame.write.partitionBy("verdict").option("maxRecordsPerFile", rows_per_file).mode("append").parquet(folder)
    finally:
        spark.sparkContext.setJobDescription(None)  # type: ignore[arg-type]
    counted = _rows_handed_over(spark, name)
    return frame.count() if counted is None else counted


def _rows_handed_over(spark: Any, name: str) -> int | None:
    """The write's own metric, by the name of the execution; None where the platform hides it."""
    try:
        spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
        store = spark._jsparkSession.sharedState().statusStore()
        total = store.executionsCount()
        recent = store.executionsList(max(0, total - RECENT_EXECUTIONS), RECENT_EXECUTIONS)
        found = (recent.apply(i) for i in range(recent.size() - 1, -1, -1))
        execution = next((e for e in found if e.description() == name), None)
        return None if execution is None else _metric(store, execution.executionId())
    except Exception as error:
        if type(error).__module__.startswith("py4j"):
            return None
        raise


def _metric(store: Any, execution_id: int) -> int | None:
    nodes = store.planGraph(execution_id).allNodes()
    values = store.executionMetrics(execution_id)
    for i in range(nodes.size()):
        metrics = [nodes.apply(i).metrics().apply(k) for k in range(nodes.apply(i).metrics().size())]
        by_name = {m.name(): m for m in metrics}
        if "number of written files" in by_name and "number of output rows" in by_name:
            value = values.get(by_name["number of output rows"].accumulatorId())
            return int(value.get().replace(",", "")) if value.isDefined() else 0
    return None
