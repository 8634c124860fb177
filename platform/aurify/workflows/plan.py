"""The plan: what a refresh would do and why, without writing anything and without Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aurify.errors import AurifyError, Problem
from aurify.publish.state import TableState
from aurify.quality import Scope, Suite
from aurify.quality.row_rules.reference_rules import is_reference
from aurify.quality.table_rules import judges_batch
from aurify.quality.table_rules.measure import jobs_needed
from aurify.sources import FileProblem
from aurify.tables.drift import code_fingerprint, find_drift
from aurify.tables.pending import Pending, find_pending
from aurify.tables.references import references
from aurify.tables.spec import Recompute, TableSpec, Upsert
from aurify.workflows.decide import refuse_stopped
from aurify.workflows.lake import Lake, selected


@dataclass
class TablePlan:
    """What a refresh would do to one table."""

    table: str
    action: str = "nothing new"
    batch: int | None = None
    files: int = 0
    bytes: int = 0
    rows: int = 0
    inputs: dict[str, str] = field(default_factory=dict)
    pinned: dict[str, int] = field(default_factory=dict)
    left_out: list[FileProblem] = field(default_factory=list)
    committer: str = "delta-rs"
    suite: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    drift: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: AurifyError | None = None

    @property
    def exit_code(self) -> int:
        """What a refresh would end with, as far as it can be told."""
        if self.error is not None:
            return self.error.exit_code
        return 2 if self.drift else 1 if self.left_out else 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        plain = {k: v for k, v in vars(self).items() if k not in ("left_out", "drift", "error")}
        return {
            **plain,
            "left_out": [vars(f) for f in self.left_out],
            "drift": [p.as_dict() for p in self.drift],
            "error": self.error.render() if self.error else None,
        }


@dataclass
class Plan:
    """What a refresh of the selected tables would do, in graph order."""

    tables: Mapping[str, TablePlan]

    @property
    def exit_code(self) -> int:
        """What a refresh would end with, as far as it can be told."""
        return max((t.exit_code for t in self.tables.values()), default=0)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": self.exit_code, "tables": [t.as_dict() for t in self.tables.values()]}


def plan(lake: Lake, selection: Sequence[str] = (), *, full: bool = False) -> Plan:
    """Look at every selected table and its inputs; writes nothing."""
    lake.suites  # noqa: B018 - every suite is read, and all its mistakes told
    plans: dict[str, TablePlan] = {}
    for name in selected(lake, selection):
        spec, found = lake.spec(name), TablePlan(name)
        plans[name] = found
        try:
            _look(lake, spec, found, full)
        except AurifyError as error:
            found.action, found.error = "stopped", error
        follows = [up for up in spec.upstream if up in plans and plans[up].action not in ("nothing new", "stopped")]
        if found.action in ("nothing new", "waits") and follows:
            found.action = f"follows {', '.join(follows)}"
    return Plan(plans)


def _look(lake: Lake, spec: TableSpec, found: TablePlan, full: bool) -> None:
    state = lake.state(spec.name)
    found.committer = _committer(state)
    found.suite = how_it_runs(lake.suites[spec.name])
    state.refuse_foreign()
    found.changed = _changed(lake, spec, state)
    drift = find_drift(spec, state)
    found.notes += [f"column {name} is added by the next batch" for name in drift.added]
    found.drift = [] if full else list(drift.refused)
    if isinstance(spec.write, Upsert) and not spec.write.locate_by:
        found.notes.append("without locate_by a MERGE reads the whole table: its cost follows the history")
    open_batch = state.open_batch
    if open_batch is not None:
        refuse_stopped(spec.name, state, open_batch)
        found.action, found.batch = f"redo {open_batch.label}", open_batch.number
        found.files, found.rows = len(open_batch.files), sum(f.records for f in open_batch.files)
        return
    pending = find_pending(spec, state, lake.storage, lake.targets, lake.settings.source_root, full)
    _describe(spec, state, pending, found)


def _describe(spec: TableSpec, state: TableState, pending: Pending, found: TablePlan) -> None:
    found.left_out = pending.problems
    if pending.waits_for:
        found.action = "waits"
        found.notes.append(f"no rows yet in {', '.join(pending.waits_for)}")
        return
    if pending.is_empty:
        return
    rebuild = pending.kind == "full" and state.handle is not None
    found.action = "rebuild" if rebuild else "refresh"
    found.notes += [f"{name} was rebuilt, so this table is too" for name in pending.rebuilt]
    found.batch = 1 if rebuild else state.committed + 1
    found.files, found.bytes = len(pending.files), pending.bytes
    found.rows = sum(f.records for f in pending.files)
    found.inputs = {s.table: f"versions {s.after + 1} to {s.to}" for s in pending.changes.values()}
    found.pinned = {s.table: s.to for s in pending.lookups.values()}
    if isinstance(spec.write, Recompute):
        found.notes.append(f"recomputes the touched groups of {', '.join(spec.write.by)}")


def _committer(state: TableState) -> str:
    reason = state.handle.needs_spark if state.handle else ""
    return f"spark ({reason})" if reason else "delta-rs"


def how_it_runs(suite: Suite) -> list[str]:
    """How many rules are part of the pass that writes the batch, and the Spark jobs that the others need."""
    of_table = [rule for rule in suite.rules if rule.scope is Scope.TABLE]
    of_batch = [rule for rule in suite.rules if judges_batch(rule) and rule.scope is Scope.BATCH]
    of_rows = len(suite.rules) - len(of_batch) - len(of_table)
    told = [f"{of_rows} rules in the pass that writes"] if of_rows else []
    told += [f"a join with {name}" for name in sorted(references(filter(is_reference, suite.rules)))]
    told += [f"{what}: {jobs} jobs" for what, jobs in jobs_needed(of_batch)]
    if of_table:
        told.append(
            f"{len(of_table)} rules of the table as the batch leaves it, which is read whole: one pass at least"
        )
    return told


def _changed(lake: Lake, spec: TableSpec, state: TableState) -> list[str]:
    """What differs from the newest batch: the code, the suite."""
    note = state.handle.standing if state.handle else {}
    now = {"code": code_fingerprint(spec), "suite": lake.suites[spec.name].fingerprint}
    return [
        f"{what} changed since batch {note.get('batch')}" for what, is_ in now.items() if note.get(what, is_) != is_
    ]
