"""An archive of the classes that Spark and Delta load, which halves the time to start and to warm up.

Java reads classes out of an archive ready parsed and verified (application class-data sharing). The archive fits one
Java, one Spark and one list of jars; Java looks at that itself and goes without where it does not fit.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.session.jars import spark_home
from aurify.session.java import PACKAGED, Java
from aurify.session.machine_cache import cache_root

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Java 11 can't write an archive of what a run has loaded.
FIRST_VERSION = 13
QUIET = "-Xlog:cds=off -Xlog:cds+dynamic=off"


def archive_path(java: Java, jars: Sequence[Path]) -> Path:
    """Where the archive of this Java, this Spark and these jars lies, if there is one."""
    home = spark_home().resolve()
    files = [*jars, *sorted((home / "jars").glob("*.jar"))]
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    key = hashlib.sha256(repr((str(java.home), java.build, stats)).encode()).hexdigest()[:16]
    return cache_root() / "classes" / hashlib.sha256(str(home).encode()).hexdigest()[:16] / f"{key}.jsa"


def can_record(java: Java) -> bool:
    """Whether this Java can write an archive: it needs one of its own classes first, which a packaged one lacks."""
    own = java.home / "lib" / "server" / "classes.jsa"
    if java.where == PACKAGED and not own.is_file():
        subprocess.run([java.home / "bin" / "java", "-Xshare:dump"], capture_output=True, check=False)
    return java.version >= FIRST_VERSION and own.is_file()


def archive_options(archive: Path) -> str:
    """The options of Java that read the archive, none where there is none."""
    return f'"-XX:SharedArchiveFile={archive}" {QUIET}' if archive.is_file() else ""


def recording_options(archive: Path) -> str:
    """The options of Java that write the archive when it ends."""
    return f'"-XX:ArchiveClassesAtExit={archive}" {QUIET}'


def rehearse(spark: SparkSession, folder: Path) -> None:
    """Do once what a refresh does, so that its classes are loaded: read, window, write, MERGE, change feed."""
    from delta.tables import DeltaTable
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    lines, table, staged = str(folder / "lines.csv"), str(folder / "table"), str(folder / "staged")
    made = spark.range(2000).select(
        "id", F.concat(F.lit("k"), F.col("id") % 7).alias("group"), (F.col("id") / 3).cast("string").alias("price")
    )
    made.write.option("header", True).csv(lines)
    raw = spark.read.schema("id string, group string, price string").option("header", True).csv(lines)
    failed = F.array_compact(
        F.array(F.when(F.col("id").isNull(), F.lit("id")), F.when(F.col("group").rlike("^x"), F.lit("group")))
    )
    newest = F.row_number().over(Window.partitionBy("id").orderBy(F.col("at").desc()))
    typed = raw.select(
        F.col("id").cast("bigint").alias("id"),
        "group",
        F.col("price").cast("decimal(12,4)").alias("price"),
        F.timestamp_seconds(F.col("id").cast("bigint")).alias("at"),
        failed.alias("failed"),
        F.col("_metadata.file_path").alias("file"),
    )
    typed.withColumn("nth", newest).filter("nth = 1").drop("nth").write.partitionBy("group").parquet(staged)
    good = spark.read.parquet(staged).filter(F.size("failed") == 0).drop("failed")
    writing = good.write.format("delta").option("delta.enableChangeDataFeed", "true")
    writing.partitionBy("group").save(table)
    target = DeltaTable.forPath(spark, table)
    merging = target.alias("t").merge(good.filter("id % 3 = 0").alias("s"), "t.id = s.id")
    merging.whenMatchedUpdateAll("s.at > t.at").whenNotMatchedInsertAll().execute()
    changed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0).load(table)
    sums = changed.join(F.broadcast(good.select("id")), "id", how="inner").groupBy("group")
    sums.agg(F.sum("price").alias("sum"), F.count("*").alias("rows"), F.xxhash64(F.max("id")).alias("hash")).collect()
    good.join(good.select("id", "at"), "id", how="left_anti").write.format("delta").mode("append").save(table)
    target.delete("id = 1")
    target.history(1).collect()
    spark.read.format("delta").option("versionAsOf", 0).load(table).createOrReplaceTempView("lines")
    spark.sql("SELECT group, count(*) AS n FROM lines GROUP BY ALL ORDER BY n").toPandas()
