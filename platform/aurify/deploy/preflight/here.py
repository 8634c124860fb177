"""This side of a submission: Python, Java, Spark, the jars that go with the session."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from aurify.deploy.preflight.finding import Finding, bad
from aurify.deploy.spark_files import Spark
from aurify.session.java import find_java

SPARK, SCALA = "3.5", "2.12"
# The last of a name: some carry Spark's version before it, like `forest_3.5.0_2.12-3.0.5.jar`.
_SCALA_SUFFIX = re.compile(r".*_(2\.1[123]|3)[-.]")


def versions() -> list[Finding]:
    """Python, Java and Spark of this machine."""
    java = find_java()
    found = [Finding("Python here", platform.python_version()), Finding("Java here", f"{java.build} of {java.where}")]
    spark = Spark.here()
    text = f"{spark.version} for Scala {spark.scala}"
    if spark.scala != SCALA or not spark.version.startswith(f"{SPARK}."):
        hint = "unset SPARK_HOME, or let it name such a Spark"
        return [*found, bad("Spark here", text, f"Spark {SPARK} for Scala {SCALA}", hint)]
    return [*found, Finding("Spark here", text)]


def jars(files: Sequence[Path]) -> list[Finding]:
    """The jars of the session, each for the Scala of Spark."""
    wrong = [file.name for file in files if (other := _SCALA_SUFFIX.match(file.name)) and other[1] != SCALA]
    if wrong:
        hint = f"name coordinates that end in _{SCALA}: spark.jars.packages in spark.conf"
        return [bad("jars", ", ".join(wrong), f"jars for Scala {SCALA}", hint, is_setting=True)]
    return [Finding("jars", f"{len(files)} for Scala {SCALA}")]


def allocation(conf: Mapping[str, str], trains: bool) -> list[Finding]:
    """Executors come and go where the work allows it; a barrier needs all of them at once."""
    is_dynamic = conf.get("spark.dynamicAllocation.enabled", "false").lower() == "true"
    if not is_dynamic:
        return [Finding("executors", f"{conf.get('spark.executor.instances', '2')} for all the time")]
    if trains:
        found = "spark.dynamicAllocation.enabled is true, and the work trains a model"
        hint = "LightGBM's barrier can't grow: spark.dynamicAllocation.enabled=false and spark.executor.instances=N"
        return [bad("executors", found, "executors that stay for a training", hint, is_setting=True)]
    kept = ("spark.dynamicAllocation.shuffleTracking.enabled", "spark.shuffle.service.enabled")
    if not any(conf.get(key, "false").lower() == "true" for key in kept):
        found = "spark.dynamicAllocation.enabled is true, and nobody keeps the shuffles of executors that go"
        return [bad("executors", found, f"{kept[0]} or {kept[1]}", f"set {kept[0]} to true", is_setting=True)]
    return [Finding("executors", "as many as the work needs")]
