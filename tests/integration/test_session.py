"""A real session: pinned, quiet, offline once prepared, and polite to one that was there before."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.config.settings import SparkSettings
from aurify.session import open_session, work_session
from aurify.session.java import find_java
from aurify.session.spark import OPENED, PINNED
from aurify.session.trust import PASSWORD, key_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = SparkSettings(master="local[2]", driver_memory="1g")
# Java is told to reach every host through a port where nobody listens.
NO_NETWORK = " ".join(f"-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort=9" for scheme in ("http", "https"))

OPEN = """
from aurify.config.settings import SparkSettings
from aurify.session import open_session, stop, work_session
conf = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
spark = open_session(SparkSettings(master="local[2]", driver_memory="1g", conf=conf), "a test", "lake")
"""
DELTA_ROUND_TRIP = """
spark.range(3).write.format("delta").save("table")
assert spark.read.format("delta").load("table").count() == 3
"""
PLAIN = """
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
"""
WITH_DELTA = """
from aurify.session.jars import DELTA, cached_jars
from aurify.session.java import find_java
from aurify.session.java import find_java
from aurify.session.spark import ENGINE
jars = ",".join(map(str, cached_jars([DELTA], {}, find_java())))
builder = builder.config("spark.jars", jars).config(map=ENGINE).config("spark.sql.ansi.enabled", "true")
"""


def run(code: str, folder: Path, env: Mapping[str, str] = os.environ) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=dict(env), capture_output=True, text=True, check=False)


def test_the_session_is_pinned_and_has_delta(spark: SparkSession, tmp_path: Path) -> None:
    assert {key: spark.conf.get(key) for key in PINNED} == PINNED
    spark.sql("SELECT CAST('no number' AS int) AS n, TIMESTAMP '2024-07-01 12:00:00' AS at").write.format("delta").save(
        str(tmp_path / "table")
    )
    (row,) = spark.read.format("delta").load(str(tmp_path / "table")).selectExpr("n", "unix_timestamp(at)").collect()
    assert tuple(row) == (None, 1719835200)


def test_the_session_that_runs_is_used_again(spark: SparkSession, tmp_path: Path) -> None:
    assert open_session(HERE, "another name", str(tmp_path)) is spark


def test_a_work_session_has_settings_and_views_of_its_own(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        one, other = work_session(spark), work_session(spark)
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert one.conf.get("spark.sql.session.timeZone") == "UTC"
    one.conf.set("spark.databricks.delta.write.txnAppId", "a table")
    one.range(1).createOrReplaceTempView("of_one")
    assert other.conf.get("spark.databricks.delta.write.txnAppId", None) is None
    assert not other.catalog.tableExists("of_one")
    assert one.sparkContext is spark.sparkContext


def test_what_was_opened_here_is_marked_for_stop(spark: SparkSession) -> None:
    assert spark.conf.get(OPENED) == "true"


def test_a_session_starts_silently_and_without_a_resolver(tmp_path: Path) -> None:
    env = {**os.environ, "SPARK_SUBMIT_OPTS": NO_NETWORK}
    check = "\nassert not spark.conf.get('spark.jars.packages', '')\nwork_session(spark)\nstop(spark)\n"
    ran = run(OPEN + DELTA_ROUND_TRIP + check, tmp_path, env)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert {path.name for path in tmp_path.iterdir()} == {"table"}


def test_a_path_is_one_of_this_machine_where_hadoop_is_configured_for_a_cluster(tmp_path: Path) -> None:
    named = "<property><name>fs.defaultFS</name><value>hdfs://127.0.0.1:9</value></property>"
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/core-site.xml").write_text(f"<configuration>{named}</configuration>")
    env = {**os.environ, "HADOOP_CONF_DIR": str(tmp_path / "conf")}
    ran = run(OPEN + DELTA_ROUND_TRIP.replace('"table"', f'"{tmp_path}/table"'), tmp_path, env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "table/_delta_log").is_dir()


def test_missing_jars_without_a_network_are_told(tmp_path: Path) -> None:
    env = {**os.environ, "SPARK_SUBMIT_OPTS": f"{NO_NETWORK} -Duser.home={tmp_path}", "AURIFY_CACHE": str(tmp_path)}
    ran = run(OPEN, tmp_path, env)
    assert ran.returncode == 1
    assert "EnvironmentFailure: the jars that Spark needs can't be resolved" in ran.stderr
    assert "delta-spark_2.12" in ran.stderr
    assert "AURIFY_CACHE" in ran.stderr


def test_a_running_session_without_delta_is_refused_and_goes_on(tmp_path: Path) -> None:
    opening = OPEN.replace("\n", "\n    ").replace("    spark = open", "    open")
    code = f"{PLAIN}\nspark = builder.getOrCreate()\ntry:{opening}\nexcept Exception as error:\n    print(error)\n"
    ran = run(code + "print(spark.range(3).count())", tmp_path)
    assert "the Spark session that runs has no Delta: 3 problems" in ran.stdout
    assert "DeltaSparkSessionExtension" in ran.stdout
    assert ran.stdout.strip().endswith("3"), ran.stderr


def test_a_running_session_with_delta_is_used_and_left_as_it_was(tmp_path: Path) -> None:
    code = f"""{PLAIN}{WITH_DELTA}
mine = builder.getOrCreate()
{OPEN}
assert spark is mine
assert spark.conf.get("spark.sql.ansi.enabled") == "true"
assert work_session(spark).conf.get("spark.sql.ansi.enabled") == "false"
stop(spark)
assert spark.range(3).count() == 3
"""
    ran = run(code, tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_a_driver_that_cannot_start_is_told(tmp_path: Path) -> None:
    code = OPEN.replace('driver_memory="1g"', 'driver_memory="1k"')
    ran = run(code, tmp_path)
    assert ran.returncode == 1
    assert "EnvironmentFailure" in ran.stderr
    assert "1k" in ran.stderr


def test_java_reads_the_key_store_of_the_machines_certificates(tmp_path: Path) -> None:
    certificates = ssl.create_default_context().get_ca_certs(binary_form=True)
    (tmp_path / "trusted.jks").write_bytes(key_store(certificates))
    command: list[str | Path] = [find_java().home / "bin" / "keytool", "-J-Duser.language=en", "-list"]
    command += ["-keystore", tmp_path / "trusted.jks", "-storepass", PASSWORD]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"contains {len(certificates)} entries" in ran.stdout
