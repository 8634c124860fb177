"""Monitor a model: each scored batch beside the rows that the version learned from, column by column, once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.models.registry import CHAMPION, RECORD_FILE, Version
from aurify.models.split import PART
from aurify.monitoring.alert import Alert, rank
from aurify.monitoring.alert_book import OpenAlert
from aurify.monitoring.counting import bins_of, profiles_of
from aurify.monitoring.drift import Drift, drifts
from aurify.monitoring.profile import Profile
from aurify.publish.target import Handle
from aurify.scoring.batch import BatchOfScores, ToScore
from aurify.scoring.table import VERSION, name_of, of_batch
from aurify.workflows.score import inputs_of, to_score
from aurify.workflows.training_rows import rows_of_record

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.models.fitted import FittedModel
    from aurify.workflows.lake import Lake

FOLDER, PROFILE_FILE, SCORE = "monitoring", "profile.json", "score"
ENOUGH_ROWS = 1000
_TABLE = (
    "model string, model_version int, batch bigint, column string, rows bigint, distance double, surely double, "
    "shift double, psi double, jensen_shannon double, wasserstein double, missing double, unseen double, "
    "severity string, why array<string>"
)


@dataclass(frozen=True)
class BatchDrift:
    """One scored batch: its rows, and every column, the worst first."""

    batch: int
    rows: int
    columns: tuple[Drift, ...]

    @property
    def severity(self) -> str:
        """That of its worst column; empty where there is nothing to tell."""
        return max((told.severity for told in self.columns), key=rank, default="")


@dataclass(frozen=True)
class MonitorReport:
    """What the batches looked like that were not looked at before."""

    model: str
    version: int
    table: str
    batches: tuple[BatchDrift, ...]
    sent: dict[str, list[str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        told = [{**asdict(batch), "severity": batch.severity} for batch in self.batches]
        same = {"exit_code": 0, "model": self.model, "version": self.version, "table": self.table}
        return {**same, "batches": told, "sent": self.sent}


def monitor(lake: Lake, model: str, of: int | str = CHAMPION) -> MonitorReport:
    """Compare the scored batches of a version that were not compared yet; each is kept in one commit, once.

    The table lies in `<warehouse>/monitoring/<model>`. A few jobs a batch, whatever the number of columns.
    ConfigurationError: no such model or version, no scoring, nothing scored.
    """
    asked = to_score(lake, model)
    version = lake.registry.version(model, of)
    fitted = lake.registry.load(version)
    path = f"{lake.settings.warehouse}/{FOLDER}/{lake.registry.name_of(model)}"
    reference = _reference(lake, version, fitted)
    book = lake.alerts
    compared = []
    for number in _pending(lake, name_of(asked.spec), version, path):
        rows = _rows_of(lake, asked, version, fitted, number)
        found = tuple(drifts(reference, profiles_of(rows, {name: told.bins for name, told in reference.items()})))
        told = BatchDrift(number, found[0].rows if found else 0, found)
        now = datetime.now(timezone.utc)
        alerts = [_alert(model, version, number, column) for column in found if column.severity]
        # before the batch counts as compared: after a kill it is seen again, and told once
        book.seen(alerts, _calm(model, found, book.open_alerts()), now)
        _keep(lake, path, version, told)
        compared.append(told)
    sent = book.deliver(datetime.now(timezone.utc))
    return MonitorReport(model, version.number, path, tuple(compared), sent)


def _alert(model: str, version: Version, batch: int, drift: Drift) -> Alert:
    step = f"look at what makes {drift.column}; if it is right, aurify train {model}"
    if drift.column == SCORE:
        step = f"look at the inputs that moved; where none did, aurify models show {model} {version.number}"
    facts = {"version": version.number, "batch": batch, "rows": drift.rows, "psi": drift.psi}
    return Alert(model, drift.column, drift.severity, "; ".join(drift.why), step, batch, facts)


def _calm(model: str, found: Sequence[Drift], alerts: Sequence[OpenAlert]) -> list[str]:
    """The alerts that a batch ends: their column has no severity, in rows as many as raised them, or in 1,000."""
    rows = {told.alert.key: int(told.alert.facts.get("rows", 0)) for told in alerts}
    keys = {f"{model}/{drift.column}": drift for drift in found if not drift.severity}
    return [key for key, drift in keys.items() if key in rows and drift.rows >= min(rows[key], ENOUGH_ROWS)]


def _reference(lake: Lake, version: Version, fitted: FittedModel) -> dict[str, Profile]:
    """What the version learned from, and how it scored the test; made once, and kept with its run."""
    registry = lake.registry
    kept = registry.find_document(version, PROFILE_FILE)
    if kept is not None:
        return {name: Profile.of_dict(told) for name, told in json.loads(kept).items()}
    record = json.loads(registry.document(version, RECORD_FILE))
    rows = rows_of_record(lake, lake.model(version.model), record)
    parts = rows.parts(rows.made.read(lake.session), rows.dates)
    learned = parts.where(f"{PART} = 'train'")
    test = fitted.scored(parts.where(f"{PART} = 'test'"), SCORE)
    found = {**profiles_of(learned, bins_of(learned, list(fitted.inputs))), **profiles_of(test, bins_of(test, [SCORE]))}
    registry.keep_document(version, PROFILE_FILE, json.dumps({name: told.as_dict() for name, told in found.items()}))
    return found


def _pending(lake: Lake, table: str, version: Version, path: str) -> list[int]:
    """The batches in which the version scored rows, after the last that was compared."""
    last = 0
    held = Handle.open(path)
    if held is not None:
        last = held.table.transaction_version(_stream(version)) or 0
    scored = lake.read(table).where(f"{VERSION} = {version.number} AND batch > {last}")
    return sorted(int(row["batch"]) for row in scored.select("batch").distinct().collect())


def _rows_of(lake: Lake, asked: ToScore, version: Version, fitted: FittedModel, number: int) -> DataFrame:
    """The rows of a batch that the version scored, with the features that they had then, and their score."""
    table = name_of(asked.spec)
    batch = lake.state(table).log.batch(number)
    assert batch is not None
    assert batch.scored is not None
    function = BatchOfScores(asked, batch, {version.number: fitted})
    made = of_batch(lake.spec(table), batch.scored.stream, function)
    keys = list(asked.rows.keys)
    own = lake.read(table, session=lake.work_session()).where(f"batch = {number} AND {VERSION} = {version.number}")
    scores = own.select(*map(quoted, keys), SCORE)
    return function.features(**inputs_of(lake, made, batch).frames().put).join(scores, keys)


def _stream(version: Version) -> str:
    return f"aurify/monitor/{version.model}/{version.number}"


def _keep(lake: Lake, path: str, version: Version, told: BatchDrift) -> None:
    """One commit a batch, with its number as the transaction: a second writer of the same batch writes nothing."""
    same = {"model": version.model, "model_version": version.number, "batch": told.batch}
    rows = [{**same, **asdict(column), "why": list(column.why)} for column in told.columns]
    frame = lake.session.createDataFrame(rows, _TABLE)
    writer = frame.coalesce(1).write.format("delta").mode("append")
    writer.option("txnAppId", _stream(version)).option("txnVersion", told.batch).save(path)
