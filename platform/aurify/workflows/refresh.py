"""The refresh: bring tables up to date, in graph order, each through the gate, each row accounted for.

One batch: record it, stage it, decide, commit quarantine, commit the target (the only commit point), check the
balance. `docs/architecture.md` tells why this order is safe against `kill -9` between and within any two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aurify.publish.batch_log import Batch
from aurify.publish.publication import (
    Conflict,
    Overtaken,
    clean,
    count_after,
    count_before,
    publish,
    publish_quarantine,
)
from aurify.tables.spec import TableSpec
from aurify.tables.stage_replay import takes_rows
from aurify.tables.staging import stage
from aurify.workflows.attempts import begin, next_input
from aurify.workflows.decide import decide
from aurify.workflows.lake import Lake, selected
from aurify.workflows.report import RunReport, TableReport
from aurify.workflows.run import Listener, Run, quiet
from aurify.workflows.schedule import in_graph_order
from aurify.workflows.settle import count_left_out, finish

CONFLICTS_IN_A_ROW = 5


def refresh(lake: Lake, selection: Sequence[str] = (), *, full: bool = False, listen: Listener = quiet) -> RunReport:
    """Refresh the selected tables; a table that fails stops what depends on it and nothing else."""
    names = selected(lake, selection)
    run = Run(lake, names, listen)
    lake.suites  # noqa: B018 - every suite is read, and all its mistakes told, before any work
    with run:
        in_graph_order(lake, names, run, lambda name: refresh_table(lake, lake.spec(name), run, full))
        finish(lake, run)
    return run.report


def refresh_table(lake: Lake, spec: TableSpec, run: Run, full: bool) -> TableReport:
    """Publish every batch that the table's inputs hold, oldest first."""
    report = run.report_of(spec.name)
    state = lake.state(spec.name)
    if not full:
        count_left_out(lake, state, run)
    if next_input(lake, spec, run, full, peek=state) is None:
        return report
    rebuilds = iter([full])  # once, whatever it is that is rebuilt
    with lake.lease(spec.name, run.id):
        return publish_batches(lake, spec, run, lambda: next_input(lake, spec, run, next(rebuilds, False)))


def publish_batches(
    lake: Lake,
    table: TableSpec,
    run: Run,
    next_batch: Callable[[], Batch | None],
    spec_of: Callable[[Batch], TableSpec] | None = None,
) -> TableReport:
    """Publish one batch after the other, under the table's lease, until there is none.

    `spec_of` gives the table as it makes one batch, where that is not the same for all.
    """
    report, conflicts = run.report_of(table.name), 0
    while (batch := next_batch()) is not None:
        spec = table if spec_of is None else spec_of(batch)
        attempt, inputs, book = begin(lake, spec, batch, run)
        try:
            results = stage(spec, attempt, inputs, book)
            attempt.step("staged")
            decide(lake, spec, attempt, results, book.decision)
            count_before(attempt, rows_same=spec.rows == "same" or takes_rows(attempt))
            attempt.step("decided")
            publish_quarantine(attempt)
            attempt.step("quarantined")
            publish(attempt)
            attempt.step("published")
            count_after(attempt)
            attempt.step("balanced")
        except Overtaken as faster:
            report.because = f"run {faster} published {batch.label} first"
            clean(attempt)
            continue
        except Conflict:
            clean(attempt)
            conflicts += 1
            if conflicts >= CONFLICTS_IN_A_ROW:
                raise
            continue
        run.published(attempt, results)
        if batch.number == 1:
            lake.register(spec.name)
    return report
