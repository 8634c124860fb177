"""What all tiers share: the property tests' profile, and one Spark session for the tests that need one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A loaded machine is slow, not wrong. The same examples each time; `pytest --hypothesis-profile=search` draws new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("aurify", settings.get_profile("search"), derandomize=True)
settings.load_profile("aurify")

PROJECTS = ("retail", "shop")


def _modules_of_projects() -> list[str]:
    """Those that are imported; before each test all names are looked at, so that the quick question comes first."""
    return [name for name in sys.modules if name.startswith(PROJECTS) and name.split(".")[0] in PROJECTS]


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    """A test that opens another project named like one that is imported already leaves the first to the others."""
    before, path = {name: sys.modules[name] for name in _modules_of_projects()}, list(sys.path)
    yield
    for name in _modules_of_projects():
        del sys.modules[name]
    sys.modules.update(before)
    sys.path[:] = path


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for all tests: two cores, tiny plans, and a compiler that starts fast and stops early."""
    from aurify.config.settings import SparkSettings
    from aurify.session import open_session, stop

    conf = {
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "1",
        # With one compiler alone Java keeps room for 48 MB of code, and would throw away what the next test needs.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
    }
    here = SparkSettings(master="local[2]", driver_memory="2g", conf=conf)
    session = open_session(here, "aurify tests", str(tmp_path_factory.mktemp("lake")))
    yield session
    stop(session)
