"""The replay: rows of quarantine that were repaired, accepted, or may pass now, through the gate again, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.publish.batch_log import Batch, FileDelivery
from aurify.publish.state import TableState
from aurify.tables.drift import refuse_drift
from aurify.tables.pending import pinned_lookups
from aurify.tables.spec import Append, Recompute, TableSpec
from aurify.workflows.attempts import open_batch
from aurify.workflows.decide import refuse_stopped
from aurify.workflows.from_quarantine import pinned, rows_to_take
from aurify.workflows.refresh import publish_batches
from aurify.workflows.report import RunReport, TableReport
from aurify.workflows.run import Listener, Run, quiet
from aurify.workflows.schedule import in_graph_order
from aurify.workflows.settle import count_left_out, finish

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake


def replay(lake: Lake, table: str, *, listen: Listener = quiet) -> RunReport:
    """Take the rows that may pass now out of quarantine, through the gate, into the table.

    They are rows that were repaired or accepted, and rows whose suite has changed since, or the table that their rule
    looks into. A row that fails again is quarantined anew, with today's reasons. Killed at any moment, the next
    replay or refresh goes on; a second one finds nothing to do.
    """
    lake.spec(table)
    run = Run(lake, [table], listen)
    lake.suites  # noqa: B018 - every suite is read, and all its mistakes told, before any work
    with run:
        in_graph_order(lake, [table], run, lambda name: _replay_table(lake, lake.spec(name), run))
        finish(lake, run)
    return run.report


def _replay_table(lake: Lake, spec: TableSpec, run: Run) -> TableReport:
    count_left_out(lake, lake.state(spec.name), run)
    with lake.lease(spec.name, run.id):
        return publish_batches(lake, spec, run, lambda: _next_batch(lake, spec, run))


def _next_batch(lake: Lake, spec: TableSpec, run: Run) -> Batch | None:
    """The batch that is open, of whatever kind, else one of the rows to take; None where there are none."""
    state = lake.state(spec.name)
    state.refuse_foreign()
    found = open_batch(lake, spec, state)
    if found is not None:
        refuse_stopped(spec.name, state, found)
        return found
    if state.handle is None or state.handle.position == (0, 0):
        return None
    refuse_drift(spec, state)
    replay = pinned(lake, spec)
    if replay is None:
        return None
    taken = rows_to_take(lake, spec, state, lake.work_session(), replay)
    if taken.isEmpty():
        return None
    again = state.consumed.versions if isinstance(spec.write, Recompute) else {}
    recorded = state.log.record(
        Batch(
            table=spec.name,
            generation=state.generation,
            number=state.committed + 1,
            kind="replay",
            replay=replay,
            files=_deliveries(spec, state, taken),
            changes={name: span.model_copy(update={"after": span.to}) for name, span in again.items()},
            lookups=pinned_lookups(spec, lake.targets) if again else {},
            run=run.id,
            recorded_at=run.now(),
        )
    )
    run.told(spec.name, recorded.label, "recorded")
    return recorded


def _deliveries(spec: TableSpec, state: TableState, taken: DataFrame) -> tuple[FileDelivery, ...]:
    """The files of the rows, each delivered once more, of a table that keeps the deliveries of its files."""
    if spec.folder is None or not isinstance(spec.write, Append):
        return ()
    paths = sorted(row["_source_file"] for row in taken.select("_source_file").distinct().collect())
    return tuple(state.consumed.files[path].again() for path in paths)
