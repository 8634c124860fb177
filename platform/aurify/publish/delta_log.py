"""The Delta log, read without Spark: what each commit added, removed and said of itself."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aurify.storage import Storage

NOTE_KEY = "aurify"


@dataclass(frozen=True)
class LogFile:
    """A file that a commit added or removed, by its path relative to the table."""

    path: str
    data_change: bool
    records: int | None = None
    size: int = 0
    partition: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class Commit:
    """One version of a table: its files, its operation's metrics, and our note if it is ours."""

    version: int
    operation: str
    note: Mapping[str, Any] | None
    metrics: Mapping[str, int]
    timestamp_ms: int
    adds: tuple[LogFile, ...]
    removes: tuple[LogFile, ...]
    change_files: tuple[LogFile, ...]
    changes_schema: bool

    @property
    def changes_data(self) -> bool:
        """Whether readers see other rows, or another schema, than before."""
        return self.changes_schema or any(f.data_change for f in (*self.adds, *self.removes))

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else than Aurify changed the table here; compaction and VACUUM change nothing."""
        return self.note is None and self.changes_data

    @property
    def added_records(self) -> int:
        """Rows in the files it added."""
        return sum(f.records or 0 for f in self.adds)


def log_path(table: str, version: int) -> str:
    """Where the commit of a version lies."""
    return f"{table}/_delta_log/{version:020d}.json"


def read_commit(table: str, version: int) -> Commit | None:
    """The commit of a version; None where the log no longer, or not yet, holds it."""
    log = Storage().read(log_path(table, version))
    if log is None:
        return None
    actions = [json.loads(line) for line in log.splitlines() if line.strip()]
    info: dict[str, Any] = next((a["commitInfo"] for a in actions if "commitInfo" in a), {})
    note = _note(info)
    return Commit(
        version=version,
        operation=str(info.get("operation", "UNKNOWN")),
        note=note,
        metrics=_metrics(info),
        timestamp_ms=int(info.get("timestamp", 0)),
        adds=tuple(_file(a["add"]) for a in actions if "add" in a),
        removes=tuple(_file(a["remove"]) for a in actions if "remove" in a),
        change_files=tuple(_file(a["cdc"]) for a in actions if "cdc" in a) or _images(note),
        changes_schema=any("metaData" in a or "protocol" in a for a in actions),
    )


def _note(info: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        said = json.loads(info.get("userMetadata") or "null")
    except ValueError:
        return None
    note = said.get(NOTE_KEY) if isinstance(said, dict) else None
    return note if isinstance(note, dict) else None


def _images(note: Mapping[str, Any] | None) -> tuple[LogFile, ...]:
    """The change images that a rewrite of ours left beside the table and named in its note."""
    return tuple(LogFile(path, data_change=False) for path in (note or {}).get("images", ()))


def _metrics(info: Mapping[str, Any]) -> dict[str, int]:
    found: Mapping[str, Any] = info.get("operationMetrics") or {}
    return {name: int(value) for name, value in found.items() if str(value).lstrip("-").isdigit()}


def _file(action: Mapping[str, Any]) -> LogFile:
    stats = json.loads(action.get("stats") or "{}")
    return LogFile(
        path=unquote(action["path"]),
        data_change=bool(action.get("dataChange", False)),
        records=stats.get("numRecords"),
        size=int(action.get("size") or 0),
        partition=action.get("partitionValues"),
    )


def commits(table: str, after: int, to: int) -> Iterator[Commit]:
    """The commits of (after, to] in order; a LookupError names the first that the log has lost."""
    for version in range(after + 1, to + 1):
        commit = read_commit(table, version)
        if commit is None:
            raise LookupError(version)
        yield commit


def unread_bytes(table: str) -> int:
    """The size of the commits after the last checkpoint."""
    found = {posixpath.basename(path): size for path, size, _ in Storage().files(f"{table}/_delta_log", "")}
    last = max((name[:20] for name in found if ".checkpoint." in name), default="")
    commits = {name[:20]: size for name, size in found.items() if name.endswith(".json") and name[:20].isdigit()}
    return sum(size for version, size in commits.items() if version > last)


def newest_note(table: str, version: int, saying: str = "") -> Commit | None:
    """The newest commit of ours, or of those that say something, at or before a version that the log still holds."""
    while version >= 0:
        commit = read_commit(table, version)
        if commit is None or (commit.note is not None and (not saying or saying in commit.note)):
            return commit
        version -= 1
    return None


def foreign_commits(table: str, after: int, to: int) -> list[Commit]:
    """The commits of (after, to] that somebody else made and that change what readers see."""
    return [c for v in range(after + 1, to + 1) if (c := read_commit(table, v)) is not None and c.is_foreign]
