"""The decision on a staged batch, and on one that was stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aurify.errors import DataError, Problem
from aurify.publish.batch_log import Batch
from aurify.publish.publication import Attempt, Conflict, clean
from aurify.publish.state import TableState
from aurify.quality import RuleResult, Scope
from aurify.sources import SourceFile, stat_unchanged
from aurify.tables.rulebook import Decision
from aurify.tables.spec import TableSpec
from aurify.tables.stage_replay import takes_rows

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


class BatchStopped(DataError):
    """A rule that fails the batch was broken; people decide."""


def decide(
    lake: Lake, spec: TableSpec, attempt: Attempt, results: Sequence[RuleResult], decision: Decision | None
) -> None:
    """Let the batch go on, or stop it where a rule says so; note what the rules found for the commit."""
    if spec.folder is not None and attempt.batch.kind != "replay":
        _refuse_replaced_files(lake, spec, attempt)
    attempt.note["rules"] = [result.as_dict() for result in results]
    # of the rows of a replay those that fail stay where they are: only the table as a whole can stop it
    asked = [r for r in results if r.scope == Scope.TABLE.value] if takes_rows(attempt) else results
    stopping = [result for result in asked if result.stops]
    broken = [result for result in stopping if decision is None or not decision.lets_pass(result.id)]
    if decision is not None and (not decision.accept or not broken):
        attempt.note["state"] = "accepted" if decision.accept else "rejected"
        attempt.note["decision"] = vars(decision)
        return
    if not broken:
        return
    state = lake.state(spec.name)
    report = {
        "attempt": attempt.id,
        "rows": attempt.balance.assayed,
        "rules": [{"id": r.id, "rule": r.text, "failed": r.failed, "found": r.found} for r in broken],
    }
    state.log.stop(attempt.batch.number, json.dumps(report, indent=1))
    if decision is not None:  # it was made of other rules than those that stop the batch now
        state.storage.remove(f"{state.log.folder}/{attempt.batch.number:09d}.decision.json")
    clean(attempt)
    raise _stopped(spec.name, attempt.batch, report)


def _refuse_replaced_files(lake: Lake, spec: TableSpec, attempt: Attempt) -> None:
    """Start over where a file was replaced while it was read."""
    assert spec.folder is not None
    held = [SourceFile(f.path, f.size, f.modified_ms) for f in attempt.batch.files]
    gone = stat_unchanged(f"{lake.settings.source_root}/{spec.folder.path}", held)
    if gone:
        raise Conflict(f"replaced while they were read: {', '.join(gone[:3])}")


def refuse_stopped(table: str, state: TableState, batch: Batch) -> None:
    """Leave a stopped batch to people until one has decided."""
    report = state.log.stopped(batch.number)
    if report is not None and not state.storage.exists(f"{state.log.folder}/{batch.number:09d}.decision.json"):
        raise _stopped(table, batch, json.loads(report))


def _stopped(table: str, batch: Batch, report: dict[str, Any]) -> BatchStopped:
    problems = [Problem(f"{table} {batch.label}", r.get("found", r["id"]), r["rule"]) for r in report["rules"]]
    n = batch.number
    hint = f"aurify batch {table} {n} retry, once data, code or suite is mended; or accept, or reject, with --reason"
    return BatchStopped(f"{table}: {batch.label} is stopped, nothing of it was published", problems, hint)
