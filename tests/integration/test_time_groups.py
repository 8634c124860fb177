"""Groups by a moment in time: the same wherever the driver's clock says it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lakes import Toy

TABLES = '''
@table(
    "bronze.readings",
    inputs={"files": folder("readings")},
    write=Append(),
    columns="at string, v string",
    rows="same",
    owner="tests",
)
def readings(files):
    """One row a line."""
    return files


@table(
    "silver.readings",
    inputs={"lines": changes("bronze.readings")},
    keys=["at", "v"],
    write=Append(),
    columns="at timestamp, v int",
    rows="same",
    owner="tests",
)
def typed(lines):
    """One row a reading."""
    return lines.select("at", "v", "_source_file", "_source_row")


@table(
    "gold.moments",
    inputs={"readings": changes("silver.readings")},
    keys=["at"],
    write=Recompute(by=["at"]),
    columns="at timestamp, total bigint",
    owner="tests",
)
def moments(readings):
    """One row a moment."""
    return readings.groupBy("at").agg(F.sum("v").alias("total"))
'''
# Half past one comes twice where clocks go back; both are moments of their own.
TWICE = ("2024-11-03 05:30:00", "2024-11-03 06:30:00")


@pytest.fixture(params=["America/New_York", "Asia/Shanghai"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of the driver's process."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("spark", "elsewhere")
def test_a_group_of_a_moment_is_found_again(tmp_path: Path) -> None:
    toy = Toy(tmp_path, TABLES)
    toy.deliver("readings/1.csv", "at,v", [f"{at},{v}" for v, at in enumerate(TWICE, start=1)], at=1)
    toy.refresh()
    toy.deliver("readings/2.csv", "at,v", [f"{at},{v}" for v, at in enumerate(TWICE, start=10)], at=2)
    toy.refresh()
    found = Counter((f"{row['at']:%Y-%m-%d %H:%M:%S}", row["total"]) for row in toy.held("gold.moments"))
    assert found == Counter({(TWICE[0], 11): 1, (TWICE[1], 13): 1})
