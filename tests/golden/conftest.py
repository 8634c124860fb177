"""The project's own lake, in folders of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import aurify
from aurify.workflows.lake import Lake

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def open_lake(spark: SparkSession) -> Callable[[Path], Lake]:
    """Open the lake with its warehouse and its sources in a folder."""

    def opened(home: Path) -> Lake:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AURIFY_WAREHOUSE", str(home / "warehouse"))
            patch.setenv("AURIFY_SOURCES", str(home / "sources"))
            return aurify.connect("local", ROOT, spark)

    return opened
