"""What a lake tells Prometheus: batches, delays, models and alerts, read from logs and ledgers without Spark."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from aurify.monitoring.alert import SEVERITIES
from aurify.monitoring.exposition import Sample
from aurify.publish.balance import Balance
from aurify.publish.state import TableState
from aurify.publish.target import Handle
from aurify.scoring.table import name_of, time_of
from aurify.tables.spec import TableSpec

if TYPE_CHECKING:
    import pyarrow as pa

    from aurify.workflows.lake import Lake

log = logging.getLogger("aurify")
TERMS = tuple(Balance().as_dict())


@dataclass(frozen=True)
class Flow:
    """The batches of one table as the ledger has them; times in seconds, moments since 1970."""

    rows: Mapping[str, int]
    batches: int
    seconds: float
    last_seconds: float
    last_assayed: int
    published: float


@dataclass
class _Reading:
    """A lake that is being read; `flows` by table, None where the ledger could not be read."""

    lake: Lake
    flows: Mapping[str, Flow] | None = None


Told = tuple[str, tuple[str, ...], float]


def metrics(lake: Lake) -> list[Sample]:
    """The samples of an environment as of now; nothing is written, and no Spark is started.

    What can't be read is logged, and told as an `aurify_read_success` of 0; the rest is there all the same.
    """
    begun, env = time.monotonic(), lake.settings.env
    found: list[Sample] = []
    for part, name, read in _parts(lake):
        try:
            found += [Sample(family, (env, *labels), value) for family, labels, value in read()]
            is_read = 1.0
        except Exception as error:  # noqa: BLE001 - one table that can't be read hides none of the others
            log.warning("metrics: %s %s: %s: %s", part, name, type(error).__name__, error)
            is_read = 0.0
        found.append(Sample("aurify_read_success", (env, part, name), is_read))
    return [*found, Sample("aurify_read_seconds", (env,), time.monotonic() - begun)]


def _parts(lake: Lake) -> Iterator[tuple[str, str, Callable[[], Iterator[Told]]]]:
    """What is read, each for itself; the ledger first, for tables and models are told from it."""
    reading = _Reading(lake)
    yield "ledger", "batches", partial(_of_ledger, reading)
    for name in lake.specs:
        yield "table", name, partial(_of_table, reading, name)
    for name in lake.models:
        yield "model", name, partial(_of_model, reading, name)
    yield "alerts", "open", partial(_of_alerts, lake)


def _of_ledger(reading: _Reading) -> Iterator[Told]:
    """Nothing of its own: tables and models tell the batches."""
    content = reading.lake.batches_ledger.content()
    reading.flows = {} if content is None else _flows(content)
    return iter(())


def _flows(content: pa.Table) -> dict[str, Flow]:
    """The batches by table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    recorded = pc.cast(content["recorded_at"], pa.timestamp("us", "UTC"))
    micros = pc.cast(pc.subtract(content["committed_at"], recorded), pa.int64())
    ordered = content.append_column("seconds", pc.divide(pc.cast(micros, pa.float64()), 1e6)).sort_by(
        [("generation", "ascending"), ("batch", "ascending")]
    )
    sums = [(name, "sum") for name in (*TERMS, "seconds")]
    last = [("batch", "count"), ("seconds", "last"), ("assayed", "last"), ("committed_at", "max")]
    by_table = ordered.group_by("table", use_threads=False).aggregate([*sums, *last])
    return {told["table"]: _flow(told) for told in by_table.to_pylist()}


def _flow(told: Mapping[str, Any]) -> Flow:
    return Flow(
        rows={name: told[f"{name}_sum"] or 0 for name in TERMS},
        batches=told["batch_count"],
        seconds=told["seconds_sum"],
        last_seconds=told["seconds_last"],
        last_assayed=told["assayed_last"],
        published=told["committed_at_max"].timestamp(),
    )


def _of_table(reading: _Reading, name: str) -> Iterator[Told]:
    state = TableState.seen(reading.lake.target(name), reading.lake.storage)
    yield from _of_flow(reading, "table", name, name, state.handle)
    found, stopped = state.open_batch, False
    if found is not None:
        recorded = datetime.fromisoformat(found.recorded_at).timestamp()
        yield "aurify_table_open_batch_timestamp_seconds", (name,), recorded
        stopped = state.log.stopped(found.number) is not None
    yield "aurify_table_open_batch", (name,), float(found is not None)
    yield "aurify_table_open_batch_stopped", (name,), float(stopped)
    quarantine = Handle.open(state.target.quarantine_path)
    yield "aurify_table_quarantine_rows", (name,), float(quarantine.records() if quarantine else 0)


def _of_flow(reading: _Reading, of: str, own: str, table: str, handle: Handle | None) -> Iterator[Told]:
    """The batches of a table under its own name, or under that of the model that made them."""
    if reading.flows is None:
        return  # a counter of 0 would be taken for one that began anew
    prefix, label, flow = f"aurify_{of}", (own,), reading.flows.get(table)
    rows = flow.rows if flow else dict.fromkeys(TERMS, 0)
    for outcome, count in rows.items():
        yield f"{prefix}_rows_total", (own, outcome), float(count)
    yield f"{prefix}_batches_total", label, float(flow.batches if flow else 0)
    yield f"{prefix}_batch_seconds_total", label, flow.seconds if flow else 0.0
    if flow is None:
        return
    yield f"{prefix}_last_batch_seconds", label, flow.last_seconds
    if flow.last_seconds > 0:
        yield f"{prefix}_last_batch_rows_per_second", label, flow.last_assayed / flow.last_seconds
    yield f"{prefix}_published_timestamp_seconds", label, flow.published
    newest = _newest_event(reading.lake.spec(table), handle)
    if newest is not None:
        yield f"{prefix}_newest_event_timestamp_seconds", label, newest
        yield f"{prefix}_data_delay_seconds", label, flow.published - newest


def _newest_event(spec: TableSpec, handle: Handle | None) -> float | None:
    """The newest time of a table's events, in seconds since 1970; None where its files don't tell it."""
    time = time_of(spec)
    newest = handle.highest(time) if handle and time else None
    if isinstance(newest, datetime):
        return newest.replace(tzinfo=newest.tzinfo or timezone.utc).timestamp()
    if isinstance(newest, date):
        return datetime(newest.year, newest.month, newest.day, tzinfo=timezone.utc).timestamp()
    return None


def _of_model(reading: _Reading, name: str) -> Iterator[Told]:
    lake, spec = reading.lake, reading.lake.model(name)
    if spec.scoring is not None:
        table = name_of(spec)
        yield from _of_flow(reading, "model", name, table, Handle.open(lake.target(table).path))
    champion = lake.registry.champion(name) if _has_registry(lake) else None
    yield "aurify_model_champion_version", (name,), float(champion.number if champion else 0)
    moves = lake.registry.moves(name) if champion else []
    if moves:
        yield "aurify_model_champion_timestamp_seconds", (name,), datetime.fromisoformat(moves[-1].at).timestamp()


def _has_registry(lake: Lake) -> bool:
    """Whether there is one to ask: the default is made when it is first opened, which is not for a reader to do."""
    file = lake.registry.tracking.removeprefix("sqlite:///")
    return file == lake.registry.tracking or lake.storage.exists(file)


def _of_alerts(lake: Lake) -> Iterator[Told]:
    known = {(model, severity): 0 for model in lake.models for severity in SEVERITIES}
    for own, count in (known | Counter((o.alert.model, o.severity) for o in lake.alerts.open_alerts())).items():
        yield "aurify_open_alerts", own, float(count)
    sinks = {name: 0 for rule in lake.settings.alerts.rules for name in rule.sinks}
    for sink, count in sorted({**sinks, **lake.alerts.waiting()}.items()):
        yield "aurify_waiting_notices", (sink,), float(count)
