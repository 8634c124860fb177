"""The end of a run: the ledger, written from the commits, also for batches that a killed run left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aurify.errors import AurifyError
from aurify.publish.balance import Balance
from aurify.publish.batch_log import Batch
from aurify.publish.delta_log import Commit
from aurify.publish.publication import Attempt, clean, settled_balance, shorten_log
from aurify.publish.state import TableState, notes
from aurify.workflows.run import Run
from aurify.workflows.schedule import explained

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

BATCH_STATES = ("published", "accepted", "rejected")
UNDONE = "undone"


def finish(lake: Lake, run: Run) -> None:
    """Write the ledger and delete the staged files that no commit names; what can't be, is left to the next run."""
    try:
        record_ledger(lake, run)
        for attempt in run.attempts:
            clean(attempt)
        for attempt in {a.target.path: a for a in run.attempts}.values():
            shorten_log(attempt)
    except AurifyError as error:
        run.report.error = error
    except Exception as error:  # noqa: BLE001 - the batches are published, and their report must reach the caller
        run.report.error = explained("ledger", error, "what was published stands; the next refresh records it")


def record_ledger(lake: Lake, run: Run) -> None:
    """Write what every batch did that the ledger does not know, and that this run took place."""
    batches: list[Mapping[str, Any]] = []
    rules: list[Mapping[str, Any]] = []
    newest: dict[str, tuple[int, int]] = {}
    for table in run.names:
        if table in run.settled:
            continue
        try:
            stands = min(lake.batches_ledger.newest(table), lake.rules_ledger.newest(table))
            for commit, note in unrecorded(lake.state(table), stands):
                balance = _balance(lake, run, table, commit, note)
                newest[table] = (int(note["generation"]), int(note["batch"]))
                batches.append(_batch_row(table, commit, note, balance))
                rules += rule_rows(table, note, balance)
        except AurifyError as error:
            run.failed(table, error)
    if newest:
        lake.batches_ledger.append(batches, newest)
        lake.rules_ledger.append(rules, newest)
    run.told("", "", "ledger")
    failed = [t.table for t in run.report.tables.values() if t.exit_code]
    if newest or failed:
        lake.runs_ledger.append([_run_row(run, len(batches), failed)])


def count_left_out(lake: Lake, state: TableState, run: Run) -> None:
    """Count what a killed run, or one whose balance did not add up, has published and not recorded.

    BalanceError where rows are missing: the table stays stopped until it is restored.
    """
    table = state.target.name
    found = unrecorded(state, run.recorded(table))
    for commit, note in found:
        _balance(lake, run, table, commit, note)
    if not found:
        run.settled.add(table)


def unrecorded(state: TableState, stands: tuple[int, int]) -> list[tuple[Commit, Mapping[str, Any]]]:
    """The commits of batches after the newest that stands in the ledger, with their notes, oldest first."""
    handle = state.handle
    if handle is None or handle.position <= stands:
        return []
    found = []
    for commit, note in notes(handle):
        if note.get("state") not in BATCH_STATES:
            continue
        if (int(note["generation"]), int(note["batch"])) <= stands:
            break
        undone = int(note["generation"]) < handle.position[0]
        found.append((commit, {**note, "state": UNDONE} if undone else note))
    return found[::-1]


def _balance(lake: Lake, run: Run, table: str, commit: Commit, note: Mapping[str, Any]) -> Balance:
    """The balance as this run counted it, else counted again from the commit and the staged files.

    Of a batch that a restore or a rebuild has undone, only what was counted before its commit.
    """
    if note["state"] == UNDONE:
        return Balance(**note["counts"])
    for attempt in run.attempts:
        if attempt.id == note["attempt"]:
            return attempt.balance
    target = lake.target(table)
    handle = lake.state(table).handle
    assert handle is not None
    oldest = note.get("oldest")
    left = Attempt(
        id=str(note["attempt"]),
        batch=Batch.model_validate(note["record"]),
        target=target,
        handle=handle,
        storage=lake.storage,
        spark=lake.work_session() if note["committed"] == "merge" else None,  # type: ignore[arg-type]
        step=lambda name: None,
        balance=Balance(**note["counts"]),
        note=dict(note),
        oldest=datetime.fromisoformat(oldest) if oldest else None,
    )
    if target.mode == "upsert":
        left.located = {c: left.staged.values("ok", c) for c in target.locate_by}
    left.balance = settled_balance(left, commit)
    run.attempts.append(left)
    return left.balance


def _batch_row(table: str, commit: Commit, note: Mapping[str, Any], balance: Balance) -> Mapping[str, Any]:
    return {
        "table": table,
        **{key: note[key] for key in ("generation", "batch", "attempt", "run", "kind", "state", "committed")},
        "version": commit.version,
        **balance.as_dict(),
        "code": note["code"],
        "suite": note["suite"],
        "recorded_at": note["record"]["recorded_at"],
        "committed_at": datetime.fromtimestamp(commit.timestamp_ms / 1000, timezone.utc),
    }


def rule_rows(table: str, note: Mapping[str, Any], balance: Balance) -> list[Mapping[str, Any]]:
    """What the rules found in a batch, as rows of the ledger."""
    same = {"table": table, "generation": note["generation"], "batch": note["batch"], "assayed": balance.assayed}
    return [{**same, **_flat(told)} for told in note.get("rules", [])]


def _flat(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a rule found as a row of the ledger: what has no type of its own is JSON."""
    texts = {name: json.dumps(told[name]) for name in ("observed", "details", "sample", "measures") if name in told}
    return {**told, **texts}


def _run_row(run: Run, batches: int, failed: list[str]) -> Mapping[str, Any]:
    return {
        "run": run.id,
        "started_at": run.started,
        "ended_at": datetime.now(timezone.utc),
        "selection": " ".join(run.names),
        "outcome": f"failed: {', '.join(failed)}" if failed else "done",
        "exit_code": run.report.exit_code,
        "batches": batches,
    }
