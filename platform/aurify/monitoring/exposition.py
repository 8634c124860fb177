"""Metrics as Prometheus reads them: which there are, their text, and a server that reads a lake anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from aurify.errors import EnvironmentFailure

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric
    from prometheus_client.registry import Collector

INSTALL = "pip install 'aurify[metrics]'"


@dataclass(frozen=True)
class Family:
    """A metric: its name, whether it only rises, what it tells, and its labels beside `env`."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One value of a metric; `labels` are the values of `env` and of the family's labels, in their order."""

    family: str
    labels: tuple[str, ...]
    value: float

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        names = ("env", *FAMILIES[self.family].labels)
        return {"name": self.family, "labels": dict(zip(names, self.labels, strict=True)), "value": self.value}


Read = Callable[[], Sequence[Sample]]


def _flow(of: str, rows: str) -> tuple[Family, ...]:
    """What is told of the batches of a table, and of those that a model scored."""
    prefix, own = f"aurify_{of}", (of,)
    spans = "from its record to its commit, what lies between two tries included"
    return (
        Family(f"{prefix}_rows_total", "counter", f"{rows}, by outcome, of all batches in the ledger", (of, "outcome")),
        Family(f"{prefix}_batches_total", "counter", "Batches in the ledger", own),
        Family(f"{prefix}_batch_seconds_total", "counter", f"Seconds of all batches, each {spans}", own),
        Family(f"{prefix}_last_batch_seconds", "gauge", f"Seconds of the last batch {spans}", own),
        Family(f"{prefix}_last_batch_rows_per_second", "gauge", "Rows assayed in a second of the last batch", own),
        Family(f"{prefix}_published_timestamp_seconds", "gauge", "When the last batch was published", own),
        Family(
            f"{prefix}_newest_event_timestamp_seconds",
            "gauge",
            "The highest value of the table's time column by the statistics of its files, deleted rows included; "
            "a date counts from its midnight in UTC",
            own,
        ),
        Family(
            f"{prefix}_data_delay_seconds",
            "gauge",
            "Publication of the last batch less the newest event time in the table",
            own,
        ),
    )


FAMILIES = {
    family.name: family
    for family in (
        *_flow("table", "Rows of a table's batches"),
        Family("aurify_table_open_batch", "gauge", "1 where a batch is recorded and not published", ("table",)),
        Family("aurify_table_open_batch_stopped", "gauge", "1 where it stopped and waits for a person", ("table",)),
        Family("aurify_table_open_batch_timestamp_seconds", "gauge", "When the open batch was recorded", ("table",)),
        Family(
            "aurify_table_quarantine_rows",
            "gauge",
            "Rows that lie in quarantine, also those that were decided about or have passed since",
            ("table",),
        ),
        *_flow("model", "Rows that any version scored (inserted) or could not score (quarantined)"),
        Family("aurify_model_champion_version", "gauge", "The version that scores, 0 for none", ("model",)),
        Family("aurify_model_champion_timestamp_seconds", "gauge", "When it became champion", ("model",)),
        Family("aurify_open_alerts", "gauge", "Alerts that are open", ("model", "severity")),
        Family("aurify_waiting_notices", "gauge", "Notices of alerts that a sink has not taken yet", ("sink",)),
        Family("aurify_read_success", "gauge", "1 where this part of the metrics could be read", ("part", "name")),
        Family("aurify_read_seconds", "gauge", "How long the reading of all of this took"),
    )
}


def families(samples: Iterable[Sample]) -> Iterator[Metric]:
    """Every metric with its samples, also those that have none now."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    found: dict[str, list[Sample]] = {name: [] for name in FAMILIES}
    for sample in samples:
        found[sample.family].append(sample)
    for family in FAMILIES.values():
        kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
        metric = kind(family.name.removesuffix("_total"), family.help, labels=("env", *family.labels))
        for sample in found[family.name]:
            metric.add_metric(sample.labels, sample.value)
        yield metric


class LakeCollector:
    """What a registry of Prometheus asks: the samples, read again where the last reading is old enough."""

    def __init__(self, read: Read, least_age: float) -> None:
        self._read = read
        self._least_age = least_age
        self._lock = threading.Lock()
        self._held: tuple[float, Sequence[Sample]] | None = None

    def collect(self) -> Iterator[Metric]:
        """All metrics; two scrapes at once share one reading."""
        with self._lock:
            if self._held is None or time.monotonic() - self._held[0] >= self._least_age:
                samples = self._read()
                self._held = (time.monotonic(), samples)
            samples = self._held[1]
        yield from families(samples)


def exposition(read: Read) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = _registry(read, 0.0)
    from prometheus_client import generate_latest

    return generate_latest(registry)


@dataclass(frozen=True)
class Serving:
    """A server of metrics under way, in a thread of its own; `port` is the one that it got."""

    port: int
    wait: Callable[[], None]
    stop: Callable[[], None]


def serve(read: Read, host: str, port: int, least_age: float) -> Serving:
    """Serve the metrics, read anew where the last reading is `least_age` seconds old; port 0 takes a free one.

    EnvironmentFailure where the port is taken.
    """
    registry = _registry(read, least_age)
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        found = f"{type(error).__name__}: {error}"
        raise EnvironmentFailure.of(f"{host}:{port}", found, "a port that is free", "give another --serve") from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return Serving(server.server_port, thread.join, stop)


def _registry(read: Read, least_age: float) -> CollectorRegistry:
    """A registry of this lake alone: nothing that the process tells of itself, nothing global."""
    try:
        from prometheus_client import CollectorRegistry
    except ImportError as error:
        raise EnvironmentFailure.of("metrics", f"no package {error.name}", "prometheus-client", INSTALL) from None
    registry = CollectorRegistry()
    registry.register(cast("Collector", LakeCollector(read, least_age)))
    return registry
