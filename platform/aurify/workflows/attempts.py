"""What a table has to do next, and the start of a try at it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from aurify.publish.batch_log import Batch
from aurify.publish.publication import Attempt, evolve
from aurify.publish.state import TableState
from aurify.publish.target import Handle
from aurify.sources import SourceFile, stat_unchanged
from aurify.tables.drift import code_fingerprint, refuse_drift, shape_of
from aurify.tables.inputs import BatchInputs
from aurify.tables.pending import find_pending, next_batch
from aurify.tables.rulebook import Decision, Rulebook
from aurify.tables.spec import TableSpec
from aurify.workflows.decide import refuse_stopped
from aurify.workflows.from_quarantine import from_quarantine
from aurify.workflows.neighbourhood import Neighbourhood
from aurify.workflows.run import Run
from aurify.workflows.suites import keep_suite

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


def next_input(lake: Lake, spec: TableSpec, run: Run, full: bool, peek: TableState | None = None) -> Batch | None:
    """The open batch, else a new one of all that is pending; None where there is nothing to do.

    With `peek`, the table as it was just read, nothing is written. What is pending but can't be read is put on the
    table's report.
    """
    state = lake.state(spec.name) if peek is None else peek
    state.refuse_foreign()
    found = open_batch(lake, spec, state, peek is not None)
    if found is not None and not (full and found.kind != "full"):
        refuse_stopped(spec.name, state, found)
        return found
    report = run.report_of(spec.name)
    pending = find_pending(spec, state, lake.storage, lake.targets, lake.settings.source_root, full)
    report.files = pending.problems
    if not pending.is_empty:
        pending.waits_for += [name for name in sorted(lake.looks_into[spec.name]) if not lake.state(name).committed]
    if pending.waits_for:
        report.outcome = "waiting"
        report.because = f"no rows yet in {', '.join(pending.waits_for)}"
        return None
    if pending.is_empty:
        return None
    if pending.kind != "full":
        refuse_drift(spec, state)
    batch = next_batch(state, pending, run.id, run.now())
    if peek is not None:
        return batch
    state.log = type(state.log)(lake.storage, state.target.path, batch.generation)
    recorded = state.log.record(batch)
    run.told(spec.name, recorded.label, "recorded")
    return recorded


def open_batch(lake: Lake, spec: TableSpec, state: TableState, peek: bool = False) -> Batch | None:
    """The recorded batch without a commit; files that were replaced since leave it for the next one."""
    batch = state.open_batch
    if batch is None or spec.folder is None or batch.kind == "replay":
        return batch
    held = [SourceFile(f.path, f.size, f.modified_ms) for f in batch.files]
    gone = set(stat_unchanged(f"{lake.settings.source_root}/{spec.folder.path}", held))
    if not gone or peek:
        return batch
    kept = tuple(f for f in batch.files if f.path not in gone)
    return state.log.record(batch.model_copy(update={"files": kept, "revision": batch.revision + 1}))


def begin(lake: Lake, spec: TableSpec, batch: Batch, run: Run) -> tuple[Attempt, BatchInputs, Rulebook]:
    """Load the table once and set up the try; the commit goes through this load only."""
    target = lake.target(spec.name)
    session = lake.work_session()
    note = {
        "run": run.id,
        "table": spec.name,
        "generation": batch.generation,
        "batch": batch.number,
        "revision": batch.revision,
        "kind": batch.kind,
        "state": "published",
        "record": batch.model_dump(mode="json"),
        "code": code_fingerprint(spec),
        "suite": lake.suites[spec.name].fingerprint,
        "shape": shape_of(target),
    }
    handle = Handle.open(target.path) or Handle.create(
        target.path, target.physical_schema, {"run": run.id, "table": spec.name, "kind": "created"}
    )
    if batch.kind != "full":
        handle = evolve(handle, target, {"run": run.id, "table": spec.name, "kind": "columns"})
    oldest = handle.standing.get("oldest")
    keep_suite(lake, lake.suites[spec.name])
    attempt = Attempt(
        id=run.next_attempt(),
        batch=batch,
        target=target,
        handle=handle,
        storage=lake.storage,
        spark=session,
        step=lambda name: run.told(spec.name, batch.label, name),
        note={**note, **({"oldest": oldest} if oldest else {})},
        oldest=datetime.fromisoformat(oldest) if oldest else None,
    )
    run.began(attempt)
    state = lake.state(spec.name)
    found = from_quarantine(lake, spec, state, batch, session)
    inputs = BatchInputs(spec, batch, session, lake.storage, lake.targets, lake.settings.source_root, found.taken)
    around = Neighbourhood(lake, spec, session, batch)
    decision = decision_on(state, batch)
    return attempt, inputs, Rulebook(lake.suites[spec.name], decision, around, found)


def decision_on(state: TableState, batch: Batch) -> Decision | None:
    """What a person decided about the batch, if it had stopped."""
    content = state.storage.read(f"{state.log.folder}/{batch.number:09d}.decision.json")
    if content is None:
        return None
    said = json.loads(content)
    return Decision(**{**said, "rules": tuple(said.get("rules", ()))})
