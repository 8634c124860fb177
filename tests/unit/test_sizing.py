from __future__ import annotations

import pytest

from aurify.deploy.memory import overhead_mb
from aurify.deploy.sizing import MB, Node, proposed

TEN = [Node(64_000, 16)] * 10
SMALL = [Node(5_120, 4)] * 2


def test_a_little_input_takes_one_executor_of_one_core() -> None:
    found = proposed(10 * MB, TEN, 32_000, 2_432, trains=False)
    assert (found.executors, found.cores) == (1, 1)
    assert found.conf["spark.dynamicAllocation.maxExecutors"] == "1"


def test_input_is_worked_on_in_three_waves_of_its_partitions() -> None:
    found = proposed(12 * 1024 * MB, TEN, 32_000, 2_432, trains=False)
    assert (found.executors, found.cores) == (8, 4)  # 96 partitions, 32 cores
    assert "96 partitions" in found.reasons[0]


def test_work_on_tables_comes_and_goes_and_a_training_stays() -> None:
    for trains in (True, False):
        found = proposed(1024 * MB, TEN, 32_000, 2_432, trains=trains)
        assert found.conf["spark.dynamicAllocation.enabled"] == str(not trains).lower()
    assert proposed(10 * MB, TEN, 32_000, 2_432, trains=True).conf["spark.executor.instances"] == "2"


def test_rows_of_a_training_that_no_container_holds_are_spread_further() -> None:
    found = proposed(4096 * MB, TEN, 4_096, 2_432, trains=True)
    assert found.memory_mb + overhead_mb(found.memory_mb) <= 4_096
    assert found.executors * found.memory_mb * 0.6 >= 4096 * 5
    assert any("largest container" in reason for reason in found.reasons)


@pytest.mark.parametrize("trains", [True, False])
@pytest.mark.parametrize("gigabytes", [0, 1, 10, 100])
def test_what_is_proposed_fits_the_cluster(gigabytes: int, trains: bool) -> None:
    found = proposed(gigabytes * 1024 * MB, SMALL, 4_096, 2_560, trains=trains)
    each = found.memory_mb + overhead_mb(found.memory_mb)
    assert each <= 4_096
    assert sum((memory - taken) // each for memory, taken in ((5_120, 2_560), (5_120, 0))) >= found.executors
    assert found.cores <= 4


def test_a_cluster_that_is_too_small_is_told() -> None:
    found = proposed(100 * 1024 * MB, SMALL, 4_096, 2_560, trains=False)
    assert "room for" in found.reasons[-1]
