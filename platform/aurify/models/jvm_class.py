"""Classes of the session's JVM that come with a jar of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aurify.errors import EnvironmentFailure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def jvm_class(spark: SparkSession, name: str, coordinates: str) -> Any:
    """The class of this name; EnvironmentFailure where the session lacks its jar, which no Python package carries."""
    from py4j.java_gateway import JavaClass

    found = spark.sparkContext._jvm
    for part in name.split("."):
        found = getattr(found, part)
    if not isinstance(found, JavaClass):
        hint = f"add it to spark.jars.packages in the settings, or to the submit: --packages {coordinates}"
        raise EnvironmentFailure.of("jars of the session", f"no class {name}", coordinates, hint)
    return found
