"""LightGBM of SynapseML: whether the session that runs has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.errors import EnvironmentFailure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COORDINATES = "com.microsoft.azure:synapseml-lightgbm_2.12:1.1.3"
CLASSIFIER = "com.microsoft.azure.synapse.ml.lightgbm.LightGBMClassifier"


def refuse_without_synapse(spark: SparkSession) -> None:
    """EnvironmentFailure where the session lacks SynapseML's jar, which the Python package doesn't carry."""
    from py4j.java_gateway import JavaClass

    found = spark.sparkContext._jvm
    for part in CLASSIFIER.split("."):
        found = getattr(found, part)
    if not isinstance(found, JavaClass):
        hint = f"add it to spark.jars.packages in the settings, or to the submit: --packages {COORDINATES}"
        raise EnvironmentFailure.of("jars of the session", f"no class {CLASSIFIER}", COORDINATES, hint)
