"""What a table has not consumed yet: new files, new versions. No Spark is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aurify.publish.batch_log import Batch, Consumed, FileDelivery, VersionRange
from aurify.publish.changes import changed_files, input_gone
from aurify.publish.state import TableState
from aurify.publish.target import Handle, Target
from aurify.sources import CheckedFile, FileProblem, SourceFile, check_files, list_files
from aurify.storage import Storage
from aurify.tables.inputs import folder_options
from aurify.tables.spec import TableSpec


@dataclass
class Pending:
    """The input of the next batch. `waits_for` names inputs that do not exist yet."""

    kind: Literal["batch", "full"] = "batch"
    files: list[FileDelivery] = field(default_factory=list)
    changes: dict[str, VersionRange] = field(default_factory=dict)
    lookups: dict[str, VersionRange] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)
    waits_for: list[str] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.files and not self.changes

    @property
    def bytes(self) -> int:
        """Size of the new files."""
        return sum(f.size for f in self.files)


class FileDecisions:
    """The files that a person rejected, kept beside the table; a new version of a file is looked at again."""

    def __init__(self, storage: Storage, table_path: str) -> None:
        self._storage = storage
        self._folder = f"{table_path}/_aurify/files"

    def _path(self, path: str) -> str:
        return f"{self._folder}/{hashlib.sha256(path.encode()).hexdigest()[:32]}.json"

    def reject(self, file: SourceFile, reason: str, by: str, at: str) -> None:
        """Leave this version of the file out for good."""
        said = {"path": file.path, "size": file.size, "modified_ms": file.modified_ms}
        self._storage.write(self._path(file.path), json.dumps({**said, "reason": reason, "by": by, "at": at}).encode())

    def is_rejected(self, file: SourceFile) -> bool:
        """Whether this version of the file was rejected."""
        content = self._storage.read(self._path(file.path))
        said = json.loads(content) if content else {}
        return (said.get("size"), said.get("modified_ms")) == (file.size, file.modified_ms)

    def all(self) -> list[dict[str, object]]:
        """Every rejection."""
        contents = (self._storage.read(f"{self._folder}/{n}") for n in self._storage.names(self._folder))
        return [json.loads(c) for c in contents if c]


def find_pending(
    spec: TableSpec,
    state: TableState,
    storage: Storage,
    targets: Mapping[str, Target],
    source_root: str,
    full: bool = False,
) -> Pending:
    """Everything since the last batch, or everything there is for a rebuild."""
    consumed = Consumed() if full else state.consumed
    pending = Pending(kind="full" if full else "batch")
    if spec.folder is not None:
        _find_files(spec, state, storage, source_root, consumed, pending)
    else:
        _find_changes(spec, storage, targets, consumed, pending)
        if pending.rebuilt and not full:
            whole = find_pending(spec, state, storage, targets, source_root, full=True)
            whole.rebuilt = pending.rebuilt
            return whole
    pending.lookups = pinned_lookups(spec, targets)
    pending.waits_for += [i.table for name, i in spec.lookups.items() if name not in pending.lookups]
    return pending


def pinned_lookups(spec: TableSpec, targets: Mapping[str, Target]) -> dict[str, VersionRange]:
    """The newest version of every lookup that has rows."""
    found = {name: newest_version(targets[lookup.table]) for name, lookup in spec.lookups.items()}
    return {name: span.model_copy(update={"after": span.to}) for name, span in found.items() if span is not None}


def _find_files(
    spec: TableSpec, state: TableState, storage: Storage, source_root: str, consumed: Consumed, pending: Pending
) -> None:
    assert spec.folder is not None
    root = f"{source_root}/{spec.folder.path}"
    options = folder_options(spec.folder)
    decisions = FileDecisions(storage, state.target.path)
    new = [
        file
        for file in list_files(root, options)
        if not is_known(consumed.files.get(file.path), file) and not decisions.is_rejected(file)
    ]
    checked, pending.problems = check_files(root, new, options) if new else ([], [])
    for file in checked:
        last = consumed.files.get(file.path)
        if last is None or last.sha256 != file.sha256:
            pending.files.append(_delivery(file, last))


def is_known(last: FileDelivery | None, file: SourceFile) -> bool:
    """Whether this version of a file is the newest one taken in."""
    return last is not None and (last.size, last.modified_ms) == (file.size, file.modified_ms)


def _delivery(file: CheckedFile, last: FileDelivery | None) -> FileDelivery:
    delivered = file.modified_ms if last is None else max(file.modified_ms, last.delivered_ms + 1)
    return FileDelivery(
        path=file.path,
        size=file.size,
        modified_ms=file.modified_ms,
        sha256=file.sha256,
        records=file.records,
        delivery=1 if last is None else last.delivery + 1,
        delivered_ms=delivered,
    )


def newest_version(target: Target) -> VersionRange | None:
    """The newest version of a table that has rows, as a range from its start; None where it has none."""
    handle = Handle.open(target.path)
    if handle is None or handle.position == (0, 0):
        return None
    return VersionRange(
        table=target.name, table_id=handle.table_id, generation=handle.position[0], after=-1, to=handle.version
    )


def _find_changes(
    spec: TableSpec, storage: Storage, targets: Mapping[str, Target], consumed: Consumed, pending: Pending
) -> None:
    spans: dict[str, VersionRange] = {}
    moved = False
    for name, driver in spec.drivers.items():
        newest = newest_version(targets[driver.table])
        last = consumed.versions.get(name)
        if newest is None:
            pending.waits_for += [driver.table] if last is None else []
            continue
        if last is not None and last.table != driver.table:
            raise input_gone(driver.table, f"the batches so far read {last.table} as '{name}'")
        if last is not None and last.table_id != newest.table_id:
            raise input_gone(driver.table, "another table lies at its path than at the last batch")
        if last is not None and last.generation != newest.generation:
            pending.rebuilt.append(driver.table)
        span = newest.model_copy(update={"after": -1 if last is None else last.to})
        spans[name] = span
        moved = moved or last is None or (span.to > span.after and _has_changes(storage, targets, span))
    if moved or pending.rebuilt:
        pending.changes = spans


def _has_changes(storage: Storage, targets: Mapping[str, Target], span: VersionRange) -> bool:
    return not changed_files(storage, targets[span.table].path, span).is_empty


def next_batch(state: TableState, pending: Pending, run: str, now: str) -> Batch:
    """The pending input as the next batch of the table, or as the first of a new generation."""
    rebuild = pending.kind == "full" and state.handle is not None
    return Batch(
        table=state.target.name,
        generation=state.generation + 1 if rebuild and state.committed else state.generation,
        number=1 if rebuild and state.committed else state.committed + 1,
        kind="full" if rebuild else "batch",
        files=tuple(pending.files),
        changes=pending.changes,
        lookups=pending.lookups,
        run=run,
        recorded_at=now,
    )
