"""Opening a session: pinned where a setting would change results, quiet, and without a network."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aurify.errors import ConfigurationError, EnvironmentFailure, Problem
from aurify.session.class_archive import archive_options, archive_path
from aurify.session.jars import DELTA, PACKAGES, cached_jars, session_coordinates, spark_home
from aurify.session.java import find_java
from aurify.session.s3a import LOG_STORE, reads_s3, s3_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Settings that change what a table holds. They are the same everywhere, whoever opened the session.
PINNED = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.maxConcurrentOutputFileWriters": "16",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.partitionOverwriteMode": "STATIC",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
}

EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
ENGINE = {"spark.sql.extensions": EXTENSION, "spark.sql.catalog.spark_catalog": CATALOG}

# One machine: loopback only, nothing on the console, few tasks for the small input of a day.
ON_ONE_MACHINE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # A path without a scheme is one of this machine also where HADOOP_CONF_DIR names a cluster.
    "spark.hadoop.fs.defaultFS": "file:///",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
    # The code of a day of a few tables: with 100, the default, each day compiles all of it again.
    "spark.sql.codegen.cache.maxEntries": "2000",
    "spark.databricks.delta.snapshotPartitions": "2",
    # VACUUM and wide listings: 10,000 tasks by default.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    # What Spark remembers of its work for a user interface that is off.
    "spark.sql.ui.retainedExecutions": "200",
    "spark.ui.retainedJobs": "200",
    "spark.ui.retainedStages": "200",
    "spark.ui.retainedTasks": "2000",
}

JAVA_OPTIONS = "spark.driver.extraJavaOptions"
CLASS_PATH = "spark.driver.extraClassPath"
OPENED = "spark.aurify.opened"


class SparkSettings(Protocol):
    """What the settings of an environment say of Spark."""

    @property
    def master(self) -> str:
        """A Spark master, like `local[4]` or `yarn`."""

    @property
    def driver_memory(self) -> str:
        """The heap of the driver, like `2g`."""

    @property
    def conf(self) -> Mapping[str, str]:
        """Further settings of Spark; a pinned one among them is refused."""


def open_session(settings: SparkSettings, app_name: str, warehouse: str, places: Collection[str] = ()) -> SparkSession:
    """The session that runs already, with its extensions and catalog left alone, or one that is started.

    `places` are those that it must read and write. EnvironmentFailure tells what is missing: Spark, Java, jars, or
    Delta in the session that runs.
    """
    running = running_session()
    if running is not None:
        return running
    _refuse_pinned(settings.conf, LOG_STORE if reads_s3(places) else {})
    spark_home()
    asked = {**s3_settings(places, os.environ), **settings.conf}
    conf = {**asked, **PINNED, **ENGINE, OPENED: "true", "spark.sql.warehouse.dir": f"{warehouse}/_spark"}
    conf["spark.sql.extensions"] = _joined(settings.conf.get("spark.sql.extensions"), EXTENSION, ",")
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        # Started by spark-submit: master, memory, Java and jars are decided, and its application keeps its name.
        return _checked(_start(conf))
    conf = {**conf, "spark.master": settings.master, "spark.driver.memory": settings.driver_memory}
    return _checked(_start(_with_jars({**conf, "spark.app.name": app_name}, places)))


def work_session(spark: SparkSession) -> SparkSession:
    """A session beside `spark` with a configuration of its own, pinned; tables and catalog are the same."""
    session = spark.newSession()
    for key, value in PINNED.items():
        session.conf.set(key, value)
    current = spark.catalog.currentCatalog()
    if current != session.catalog.currentCatalog():
        session.catalog.setCurrentCatalog(current)
    return session


def stop(spark: SparkSession) -> None:
    """Stop a session that `open_session` started; one that was there before goes on."""
    if spark.conf.get(OPENED, None):
        spark.stop()


def is_one_machine(master: str) -> bool:
    """Whether driver and executors are one process."""
    return re.fullmatch(r"local(\[[^\]]*\])?", master) is not None


def running_session() -> SparkSession | None:
    """The session that runs in this process, if one does and Delta works in it."""
    if "pyspark" not in sys.modules:
        return None
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if SparkContext._active_spark_context is None:
        return None
    # Not getActiveSession(): that one differs by thread, and may be a work session.
    return _checked(SparkSession.builder.getOrCreate())


def _refuse_pinned(conf: Mapping[str, str], more: Mapping[str, str]) -> None:
    hint = "leave the key out"
    problems = [
        Problem("spark.conf", f"'{conf[key]}'", f"'{value}', which results depend on", hint, key)
        for key, value in {**PINNED, **more, "spark.sql.catalog.spark_catalog": CATALOG}.items()
        if conf.get(key, value).lower() != value.lower()
    ]
    if problems:
        raise ConfigurationError("settings of Spark that are pinned", problems)


def _with_jars(conf: Mapping[str, str], places: Collection[str]) -> dict[str, str]:
    """The configuration with the jars of the cache, and Java and Python chosen for the start."""
    java = find_java()
    os.environ["JAVA_HOME"] = str(java.home)
    jars = cached_jars(session_coordinates(conf, places), conf, java)
    full = {**ON_ONE_MACHINE, **conf} if is_one_machine(conf["spark.master"]) else dict(conf)
    full.pop(PACKAGES, None)
    options = f"{conf.get(JAVA_OPTIONS, '')} -Dlog4j2.configurationFile={quiet_console()}"
    if is_one_machine(conf["spark.master"]):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        options += f" {archive_options(archive_path(java, jars))}"
        # On the class path, not in `spark.jars`: an archive has only classes of the class path.
        full[CLASS_PATH] = _joined(":".join(str(jar) for jar in jars), conf.get(CLASS_PATH, ""), ":")
    else:
        full["spark.jars"] = _joined(conf.get("spark.jars"), ",".join(str(jar) for jar in jars), ",")
    return {**full, JAVA_OPTIONS: options.strip()}


def quiet_console() -> str:
    """The URL of log settings with errors alone on the console; in a zip file one that Java looks up there."""
    file = Path(__file__).with_name("log4j2.properties")
    archive = next((above for above in file.parents if above.is_file()), None)
    if archive is None:
        return file.as_uri()
    return f"jar:{archive.as_uri()}!/{file.relative_to(archive).as_posix()}"


def _joined(first: str | None, second: str, separator: str) -> str:
    parts = f"{first or ''}{separator}{second}".split(separator)
    return separator.join(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _start(conf: Mapping[str, str]) -> SparkSession:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    logging.getLogger("py4j").setLevel(logging.ERROR)
    builder = SparkSession.builder
    for key, value in conf.items():
        builder = builder.config(key, value)
    try:
        return builder.getOrCreate()
    except (Py4JError, PySparkException, OSError) as error:
        found = str(error).strip().splitlines()[0]
        expected = f"a driver with {conf.get('spark.driver.memory', 'the memory of its submit')} that starts"
        hint = "Java's own words are above; look at spark.master, driver_memory and conf of the settings"
        raise EnvironmentFailure.of("Spark session", found, expected, hint) from error


def _checked(spark: SparkSession) -> SparkSession:
    """The session, if Delta works in it; on Databricks it always does."""
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return spark
    from py4j.java_gateway import JavaClass

    problems = []
    extensions = spark.conf.get("spark.sql.extensions", "") or ""
    if EXTENSION not in extensions:
        problems.append(Problem("spark.sql.extensions", f"'{extensions}'", EXTENSION))
    catalog = spark.conf.get("spark.sql.catalog.spark_catalog", "builtin") or ""
    if catalog == "builtin":
        problems.append(Problem("spark.sql.catalog.spark_catalog", f"'{catalog}'", CATALOG))
    if not isinstance(spark.sparkContext._jvm.io.delta.tables.DeltaTable, JavaClass):  # type: ignore[union-attr]
        problems.append(Problem("jars of the session", "no Delta", DELTA))
    if problems:
        hint = f"start it with `--packages {DELTA}` and these two settings, or let Aurify start its own session"
        raise EnvironmentFailure("the Spark session that runs has no Delta", problems, hint)
    return spark
