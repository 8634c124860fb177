"""Groups by a moment in time: the same wherever the driver's clock says it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lakes import EVENTS, Toy

MOMENTS = '''
@table(
    "gold.moments",
    inputs={"events": changes("silver.events")},
    keys=["at"],
    write=Recompute(by=["at"]),
    columns="at timestamp, total bigint",
    owner="tests",
)
def moments(events):
    """One row a moment."""
    return events.groupBy("at").agg(F.sum("v").alias("total"))
'''
HEADER = "k,d,g,v,op,at"
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
    toy = Toy(tmp_path, EVENTS + MOMENTS)
    for number, values in enumerate(((1, 2), (10, 11)), start=1):
        lines = [f"k{v},2024-11-03,g,{v},P,{at}" for v, at in zip(values, TWICE, strict=True)]
        toy.deliver(f"events/{number}.csv", HEADER, lines, at=number)
        toy.refresh()
    found = Counter((f"{row['at']:%Y-%m-%d %H:%M:%S}", row["total"]) for row in toy.held("gold.moments"))
    assert found == Counter({(TWICE[0], 11): 1, (TWICE[1], 13): 1})
