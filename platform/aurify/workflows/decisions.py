"""What people decide: about a batch that was stopped, about a file that can't be read."""

from __future__ import annotations

import getpass
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from aurify.errors import ConfigurationError, did_you_mean
from aurify.sources import FileProblem, list_files
from aurify.tables.inputs import folder_options
from aurify.tables.pending import FileDecisions, find_pending, is_known
from aurify.workflows.run import Run, quiet

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

Verb = Literal["accept", "reject", "retry"]


def decide_batch(lake: Lake, table: str, number: int, verb: Verb, reason: str = "") -> None:
    """Settle a stopped batch: publish it in spite of the rule, quarantine all of it, or let it be tried again.

    The next refresh carries it out; reason and name stand in its commit. A rejected rebuild or replay is called
    off: the table keeps its rows and its generation, and quarantine its own.
    """
    state = lake.state(table)
    batch = state.open_batch
    if batch is None or batch.number != number or state.log.stopped(number) is None:
        stopped = batch is not None and state.log.stopped(batch.number) is not None
        found = f"batch {batch.number} is stopped" if stopped and batch else "no batch is stopped"
        raise ConfigurationError.of(table, f"{found}, not batch {number}", "the number of a stopped batch")
    if verb != "retry" and not reason.strip():
        raise ConfigurationError.of(table, "no reason", "why the batch is decided so", "--reason 'TEXT'")
    with lake.lease(table, Run(lake, [table], quiet).id):
        path = f"{state.log.folder}/{number:09d}.decision.json"
        if verb == "retry":
            lake.storage.remove(path)
            state.log.release(number)
            return
        if verb == "reject" and batch.kind in ("full", "replay"):
            state.log.call_off(number)
            return
        report = json.loads(state.log.stopped(number) or "{}")
        rules = [rule["id"] for rule in report.get("rules", ())]
        said = {"accept": verb == "accept", "reason": reason, "by": getpass.getuser(), "at": _now(), "rules": rules}
        lake.storage.write(path, json.dumps(said).encode())


def batches(lake: Lake, table: str) -> list[dict[str, Any]]:
    """Every batch of the table's generation: published, open or stopped, with its input."""
    state = lake.state(table)
    found = []
    for number in state.log.numbers():
        batch = state.log.batch(number)
        if batch is None:
            continue
        stopped = state.log.stopped(number)
        standing = "published" if number <= state.committed else "stopped" if stopped else "open"
        found.append(
            {
                "generation": batch.generation,
                "batch": number,
                "state": standing,
                "kind": batch.kind,
                "recorded_at": batch.recorded_at,
                "files": len(batch.files),
                "inputs": {s.table: [s.after + 1, s.to] for s in batch.changes.values()},
                "stopped": json.loads(stopped) if stopped and standing == "stopped" else None,
            }
        )
    return found


def file_problems(lake: Lake, table: str) -> tuple[list[FileProblem], list[dict[str, object]], int]:
    """The files that are left out, the files rejected by name, and how many were taken in."""
    spec = lake.spec(table)
    if spec.folder is None:
        raise ConfigurationError.of(table, "no folder feeds it", "a table with a folder(...) input")
    state = lake.state(table)
    pending = find_pending(spec, state, lake.storage, lake.targets, lake.settings.source_root)
    return pending.problems, FileDecisions(lake.storage, state.target.path).all(), len(state.consumed.files)


def reject_file(lake: Lake, table: str, path: str, reason: str) -> None:
    """Leave this version of a file out for good."""
    spec = lake.spec(table)
    if spec.folder is None:
        raise ConfigurationError.of(table, "no folder feeds it", "a table with a folder(...) input")
    if not reason.strip():
        raise ConfigurationError.of(table, "no reason", "why the file is rejected", "--reason 'TEXT'")
    files = list_files(f"{lake.settings.source_root}/{spec.folder.path}", folder_options(spec.folder))
    by_path = {f.path: f for f in files}
    state = lake.state(table)
    new = {p for p, f in by_path.items() if not is_known(state.consumed.files.get(p), f)}
    if path not in new:
        found = "a file that was taken in already" if path in by_path else "no such file"
        raise ConfigurationError.of(f"{table}: {path}", found, "a file that was left out", did_you_mean(path, new))
    FileDecisions(lake.storage, state.target.path).reject(by_path[path], reason, getpass.getuser(), _now())


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
