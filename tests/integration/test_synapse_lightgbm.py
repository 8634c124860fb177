"""SynapseML's LightGBM: a session without its jar is told which one to add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurify.errors import EnvironmentFailure
from aurify.models.synapse_lightgbm import COORDINATES, refuse_without_synapse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_missing_jar_is_named_with_its_coordinates(spark: SparkSession) -> None:
    with pytest.raises(EnvironmentFailure, match=rf"LightGBMClassifier(.|\n)*--packages {COORDINATES}"):
        refuse_without_synapse(spark)
