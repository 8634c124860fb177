"""What quarantine gives to a batch: the rows that a replay takes, the rules that people excused rows from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.publish.batch_log import Batch, Replay
from aurify.publish.state import TableState
from aurify.publish.target import Handle
from aurify.quality.row_rules.reference_rules import is_reference
from aurify.tables.replaying import FromQuarantine
from aurify.tables.spec import Recompute, TableSpec
from aurify.workflows.quarantine import takeable, with_states
from aurify.workflows.row_decisions import DECISION, decisions_version
from aurify.workflows.row_states import ACCEPTED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.workflows.lake import Lake


def pinned(lake: Lake, spec: TableSpec) -> Replay | None:
    """Quarantine, its decisions, and what judges them, as they are now; None where there is no quarantine."""
    target = lake.target(spec.name)
    held = Handle.open(target.quarantine_path)
    if held is None:
        return None
    others = {name: lake.state(name).handle for name in lake.looks_into[spec.name]}
    return Replay(
        quarantine=held.version,
        decisions=decisions_version(target),
        suite=lake.suites[spec.name].fingerprint,
        references=tuple(rule.id for rule in lake.suites[spec.name].rules if is_reference(rule)),
        others={name: handle.version for name, handle in others.items() if handle is not None},
    )


def rows_to_take(lake: Lake, spec: TableSpec, state: TableState, session: SparkSession, replay: Replay) -> DataFrame:
    """The rows of quarantine that a replay takes: the same each time it is asked, until one has taken them."""
    return takeable(with_states(lake, spec, state, session, replay.quarantine, replay.decisions), replay)


def from_quarantine(
    lake: Lake, spec: TableSpec, state: TableState, batch: Batch, session: SparkSession
) -> FromQuarantine:
    """What quarantine gives to a batch."""
    accepted = _accepted(lake, spec, state, session) if isinstance(spec.write, Recompute) else None
    if batch.replay is None:
        return FromQuarantine(accepted=accepted)
    taken = rows_to_take(lake, spec, state, session, batch.replay)
    return FromQuarantine(taken, taken.count(), accepted)


def _accepted(lake: Lake, spec: TableSpec, state: TableState, session: SparkSession) -> DataFrame | None:
    """The rows that people accepted, by content: as long as a group comes to the same row, it stays accepted."""
    from pyspark.sql import functions as F

    if decisions_version(state.target) is None:
        return None
    return with_states(lake, spec, state, session, everything=True).where(F.col(DECISION) == ACCEPTED)
