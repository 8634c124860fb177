"""Any order and any cutting of the same input gives the same tables as a few lines of plain Python."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aurify.workflows.report import RunReport
from tests.integration.lakes import EVENTS, LISTS, Row, Toy

pytestmark = pytest.mark.usefixtures("spark")

FEW = settings(
    max_examples=6, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], print_blob=False
)
START = datetime(2024, 3, 31, tzinfo=timezone.utc)
KEYS = [f"k{i}" for i in range(8)]


def day_of(key: str) -> date:
    """A key determines its day."""
    return date(2024, 3, 30) + timedelta(days=int(key[1:]) % 3)


def rank(row: Sequence[Any]) -> Row:
    """Compares rows as Spark compares structs: NULL is the least."""
    return tuple((value is not None, value) for value in row)


@dataclass(frozen=True)
class Event:
    """A line of an events file; a value 'x' is no number, and an event without a key is no event."""

    k: str
    g: str
    v: str
    op: str
    second: int

    @property
    def line(self) -> str:
        return f"{self.k},{day_of(self.k) if self.k else '2024-03-30'},{self.g},{self.v},{self.op},{self.at:%F %T}"

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=self.second)

    @property
    def is_sound(self) -> bool:
        return bool(self.k) and self.v != "x"

    @property
    def row(self) -> Row:
        """What silver.events holds of it."""
        return (self.k, day_of(self.k), self.g or None, int(self.v) if self.v else None, self.op, self.at)


EVENT = st.builds(
    Event,
    k=st.sampled_from([*KEYS, *KEYS, ""]),
    g=st.sampled_from(["", "a", "b c"]),
    v=st.sampled_from(["", "1", "2", "-3", "x"]),
    op=st.sampled_from("PPPD"),
    second=st.integers(0, 4),
)


def newest_events(events: Iterable[Event]) -> list[Row]:
    """The rows of silver.events: the newest of a key, a put before a delete, then by content."""
    best: dict[str, tuple[Row, Event]] = {}
    for event in (e for e in events if e.is_sound):
        place = (event.at, event.op != "D", rank(event.row))
        if event.k not in best or place > best[event.k][0]:
            best[event.k] = (place, event)
    return [event.row for _, event in best.values() if event.op != "D"]


def sums(rows: Iterable[tuple[Row, int | None]]) -> Counter[Row]:
    """Rows and the sum of their values by group."""
    groups: dict[Row, list[int | None]] = defaultdict(list)
    for group, value in rows:
        groups[group].append(value)
    totals = {g: [v for v in values if v is not None] for g, values in groups.items()}
    return Counter((*g, len(groups[g]), sum(known) if known else None) for g, known in totals.items())


def expect_whole(report: RunReport) -> None:
    """Every batch of a run adds up."""
    for table in report.tables.values():
        assert table.exit_code == 0
        for batch in table.batches:
            assert batch.balance.problem_before(rows_same=False) is None
            assert batch.balance.problem_after() is None


LAKES = itertools.count()


@FEW
@given(
    files=st.lists(st.lists(EVENT, min_size=1, max_size=9), min_size=3, max_size=6),
    copies=st.integers(0, 3),
    cuts=st.lists(st.integers(0, 2), min_size=9, max_size=9),
    order=st.randoms(use_true_random=False),
)
def test_events_in_any_order_and_cutting_give_the_tables_of_the_oracle(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[Event]],
    copies: int,
    cuts: list[int],
    order: Any,
) -> None:
    toy = Toy(tmp_path_factory.mktemp(f"events{next(LAKES)}"), EVENTS)
    files = [*files, *files[:copies]]
    order.shuffle(files)
    came: list[tuple[str, int, Event]] = []
    for batch in range(3):
        for number, events in enumerate(files):
            if cuts[number] == batch:
                name = f"{number}.csv"
                toy.deliver(f"events/{name}", "k,d,g,v,op,at", [e.line for e in events], at=order.randint(1, 9))
                came += [(name, row, event) for row, event in enumerate(events, start=1)]
        expect_whole(toy.refresh())
        if not came:
            continue
        rows = newest_events(event for _, _, event in came)
        assert toy.visible("silver.events", ["k", "d", "g", "v", "op", "at"]) == Counter(rows)
        assert toy.visible("gold.groups", ["d", "g", "n", "total"]) == sums(((r[1], r[2]), r[3]) for r in rows)
    lines = Counter((name, row, event.k or None, event.v or None) for name, row, event in came)
    assert toy.visible("silver.log", ["file", "row", "k", "v"]) == lines
    assert toy.visible("bronze.events", ["_source_file", "_source_row", "k", "v"]) == lines
    sound = sum(event.is_sound for _, _, event in came)
    assert toy.lake.quarantine("silver.events").count() == len(came) - sound


@dataclass(frozen=True)
class Line:
    """A line of a price list."""

    k: str
    v: str

    @property
    def text(self) -> str:
        return f"{self.k},{day_of(self.k)},{self.v}"


Lines = tuple[Line, ...]
LINES = st.lists(st.builds(Line, k=st.sampled_from(KEYS), v=st.sampled_from(["1", "2", "30", "x"])), max_size=6).map(
    tuple
)


@dataclass(frozen=True)
class Delivery:
    """One version of a file as it was taken in; `at` in milliseconds."""

    file: str
    number: int
    at: int
    lines: Lines


def current_prices(deliveries: Sequence[Delivery]) -> Counter[Row]:
    """The rows of silver.prices: a newer delivery of a file withdraws the lines of the older one."""
    events: list[tuple[Row, Row | None]] = []
    for delivery in deliveries:
        at = datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=delivery.at)
        for line in (line for line in delivery.lines if line.v != "x"):
            row: Row = (line.k, day_of(line.k), int(line.v), at)
            events.append(((line.k, at, True, rank(row)), row))
        older = next((d for d in deliveries if (d.file, d.number) == (delivery.file, delivery.number - 1)), None)
        events += [((line.k, at, False, ()), None) for line in (older.lines if older else ())]
    newest: dict[str, tuple[Row, Row | None]] = {}
    for event in events:
        key = event[0][0]
        if key not in newest or event[0] > newest[key][0]:
            newest[key] = event
    return Counter(row for _, row in newest.values() if row is not None)


def current_lines(deliveries: Sequence[Delivery]) -> Counter[Row]:
    """The rows of gold.lines: what stands in the newest delivery of every file."""
    newest = {d.file: d for d in sorted(deliveries, key=lambda d: d.number)}
    lines = [line for d in newest.values() for line in d.lines]
    return sums(((str(day_of(line.k)),), None if line.v == "x" else int(line.v)) for line in lines)


@FEW
@given(
    files=st.lists(st.lists(LINES, min_size=1, max_size=3), min_size=2, max_size=4),
    times=st.lists(st.integers(1, 6), min_size=12, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_files_delivered_again_in_any_order_give_the_tables_of_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[Lines]], times: list[int], order: Any
) -> None:
    toy = Toy(tmp_path_factory.mktemp(f"lists{next(LAKES)}"), LISTS)
    came: list[Delivery] = []
    newest: dict[int, Delivery] = {}
    delivered: Counter[int] = Counter()
    for batch in range(3):
        for number, versions in enumerate(files):
            place, last = delivered[number], newest.get(number)
            if place == len(versions) or (len(versions) - place < 3 - batch and order.random() < 0.3):
                continue
            delivered[number] += 1
            name, at = f"{number}.csv.gz", times[number * 3 + place] * 1000 + place
            toy.deliver(f"lists/{name}", "k,d,v", [line.text for line in versions[place]], at=at / 1000)
            if last is None:
                newest[number] = Delivery(name, 1, at, versions[place])
            elif last.lines == versions[place]:
                continue  # the same content again is no new delivery
            else:
                newest[number] = Delivery(name, last.number + 1, max(at, last.at + 1), versions[place])
            came.append(newest[number])
        expect_whole(toy.refresh())
        if not came:
            continue
        assert toy.visible("silver.prices", ["k", "d", "v", "at"]) == current_prices(came)
        assert toy.visible("gold.lines", ["d", "n", "total"]) == current_lines(came)
    assert toy.visible("bronze.lists", ["_source_file", "k", "v"]) == Counter(
        (d.file, line.k, line.v) for d in came for line in d.lines
    )
