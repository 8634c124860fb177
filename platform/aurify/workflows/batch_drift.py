"""What a scored batch looks like beside the rows that its version learned from; each batch is compared once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError
from aurify.models.registry import Version
from aurify.monitoring.alert import rank
from aurify.monitoring.counting import weekdays_of
from aurify.monitoring.drift import Drift, Limits, drifts
from aurify.monitoring.profile import whole
from aurify.monitoring.reference import PROFILE_FILE, SCORE, Reference
from aurify.publish.target import Handle
from aurify.scoring.batch import BatchOfScores, ToScore
from aurify.scoring.table import VERSION, name_of, of_batch, time_of
from aurify.workflows.score import inputs_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from aurify.workflows.lake import Lake

COLUMNS = "columns"
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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "severity": self.severity}


def reference_of(lake: Lake, version: Version) -> Reference:
    """What the version learned from, as its training kept it; ConfigurationError where it kept nothing."""
    kept = lake.registry.find_document(version, PROFILE_FILE)
    if kept is None:
        where, hint = f"model {version.model}, version {version.number}", f"aurify train {version.model} --again"
        raise ConfigurationError.of(where, "no profile of what it learned from", "one, kept by its training", hint)
    return Reference.of_json(kept)


def pending(lake: Lake, asked: ToScore, version: Version, home: str) -> list[int]:
    """The batches in which the version scored rows, after the last that was compared."""
    last = 0
    held = Handle.open(f"{home}/{COLUMNS}")
    if held is not None:
        last = held.table.transaction_version(stream(version)) or 0
    scored = lake.read(name_of(asked.spec)).where(f"{VERSION} = {version.number} AND batch > {last}")
    return sorted(int(row["batch"]) for row in scored.select("batch").distinct().collect())


def batch_drift(lake: Lake, asked: ToScore, version: Version, reference: Reference, number: int) -> BatchDrift:
    """Compare one batch, column by column; one job. Rows of before the version had learned are left out."""
    time, model = time_of(asked.rows), version.model
    assert time is not None
    rows = rows_of_batch(lake, asked, version, number)
    batch = weekdays_of(rows.where(_is_since(time, reference.learned_at)), reference.bins, time)
    settings = lake.settings.alerts
    found = drifts(
        reference.beside(batch),
        {name: whole(days) for name, days in batch.items()},
        lambda column: Limits.told(settings.limits_of(model, column)),
        settings.false_alarms,
    )
    return BatchDrift(number, found[0].rows if found else 0, tuple(found))


def _is_since(time: str, moment: datetime) -> Column:
    from pyspark.sql import functions as F

    return F.col(quoted(time)).cast("timestamp") >= F.lit(moment.isoformat()).cast("timestamp")


def rows_of_batch(lake: Lake, asked: ToScore, version: Version, number: int) -> DataFrame:
    """The rows of a batch that the version scored, with the features that they had then, and their score."""
    table = name_of(asked.spec)
    batch = lake.state(table).log.batch(number)
    assert batch is not None
    assert batch.scored is not None
    function = BatchOfScores(asked, batch, {})
    made = of_batch(lake.spec(table), batch.scored.stream, function)
    keys = list(asked.rows.keys)
    own = lake.read(table, session=lake.work_session()).where(f"batch = {number} AND {VERSION} = {version.number}")
    scores = own.select(*map(quoted, keys), SCORE)
    return function.features(**inputs_of(lake, made, batch).frames().put).join(scores, keys)


def keep_drift(lake: Lake, home: str, version: Version, told: BatchDrift) -> None:
    """One commit a batch, with its number as the transaction: a second writer of the same batch writes nothing."""
    same = {"model": version.model, "model_version": version.number, "batch": told.batch}
    rows = [{**same, **asdict(column), "why": list(column.why)} for column in told.columns]
    frame = lake.session.createDataFrame(rows, _TABLE)
    writer = frame.coalesce(1).write.format("delta").mode("append")
    writer.option("txnAppId", stream(version)).option("txnVersion", told.batch).save(f"{home}/{COLUMNS}")


def stream(version: Version) -> str:
    """The application of the transactions that keep a version's batches."""
    return f"aurify/monitor/{version.model}/{version.number}"
