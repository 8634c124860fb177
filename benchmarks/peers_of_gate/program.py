"""Runs one peer in a process of its own, by the Python of its own virtual environment; nothing of Aurify is here."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.meter import Meter
from benchmarks.program import DRIVER_MEMORY, MASTER

TOLD = ("lakehouse-engine", "spark-expectations", "great-expectations", "sparkdq", "feast", "pyspark", "delta-spark")
# Aurify's own session has more shuffle partitions: two are the best for these peers.
SETTINGS = {
    "spark.master": MASTER,
    "spark.driver.memory": DRIVER_MEMORY,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.cache.maxEntries": "2000",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}


def _main(name: str, said: str, answer: str) -> None:
    arguments = json.loads(said)
    gc_log = Path(answer).with_name("gc.log")
    spark = _session(arguments["jars"], arguments["warehouse"], gc_log)
    meter = Meter(spark, gc_log)
    peer = importlib.import_module(f"benchmarks.{name}")
    found = peer.run(spark, meter, arguments["sources"], arguments["warehouse"])
    costs = {section: [cost.as_dict() for cost in costs] for section, costs in meter.costs.items()}
    document = {"found": found, "costs": costs, "versions": _versions()}
    Path(answer).write_text(json.dumps(document), encoding="utf-8")
    spark.stop()


def _session(jars: Sequence[str], warehouse: str, gc_log: Path) -> SparkSession:
    builder = SparkSession.builder.appName("peer of gate")
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    builder = builder.config("spark.driver.extraClassPath", ":".join(jars))
    builder = builder.config("spark.driver.extraJavaOptions", f"-Xlog:gc:file={gc_log}:uptime:filecount=0")
    spark = builder.config("spark.sql.warehouse.dir", f"{warehouse}/_spark").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _versions() -> dict[str, str]:
    installed = {found.metadata["Name"].lower().replace("_", "-"): found.version for found in distributions()}
    return {"python": sys.version.split()[0], **{name: installed[name] for name in TOLD if name in installed}}


if __name__ == "__main__":
    _main(*sys.argv[1:])
