"""The rival's memory: one record a batch, written before work starts, and what Delta's own log says is done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.rivals.file_checks import SourceFile, check_all


@dataclass(frozen=True)
class Delivery:
    """One version of one till file; the second of a name replaces the first."""

    name: str
    size: int
    modified_ms: int
    sha256: str
    number: int
    delivered_ms: int


@dataclass(frozen=True)
class Batch:
    """The files that go through all three tables together."""

    number: int
    files: tuple[Delivery, ...]

    @property
    def again(self) -> list[Delivery]:
        """Those that replace an earlier delivery."""
        return [f for f in self.files if f.number > 1]


class Batches:
    """`<warehouse>/control/N.json`, and `N.done` once the batch is in every table."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def next(self, sources: Path) -> tuple[Batch | None, dict[str, str]]:
        """The batch that was not finished, else one of all new files; and the files that are no good."""
        records = sorted(self._folder.glob("*.json"))
        known: dict[str, Delivery] = {}
        for record in records:
            batch = _read(record)
            if not record.with_suffix(".done").exists():
                return batch, {}
            known |= {f.name: f for f in batch.files}
        good, bad = check_all(sources, list(_new_files(sources, known)))
        files = tuple(_delivery(f, known.get(f.name)) for f in good if not _is_same(f, known.get(f.name)))
        if not files:
            return None, bad
        batch = Batch(len(records) + 1, files)
        self._write(f"{batch.number:09d}.json", json.dumps(asdict(batch)))
        return batch, bad

    def finish(self, batch: Batch) -> None:
        """Note that the batch is in every table."""
        self._write(f"{batch.number:09d}.done", "")

    def _write(self, name: str, text: str) -> None:
        draft = self._folder / f".{name}"
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._folder / name)


def written_version(table: Path, app: str, number: int) -> int | None:
    """The version by which batch `number` was written, from the transactions of the table's log."""
    for path in sorted((table / "_delta_log").glob("*.json"), reverse=True):
        transactions = [a["txn"] for a in _actions(path) if "txn" in a and a["txn"]["appId"] == app]
        if transactions:
            newest = int(transactions[0]["version"])
            if newest <= number:
                return int(path.stem) if newest == number else None
    return None


def _actions(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as log:
        for line in log:
            yield json.loads(line)


def _new_files(sources: Path, known: dict[str, Delivery]) -> Iterator[SourceFile]:
    for entry in sorted(os.scandir(sources), key=lambda e: e.name):
        if ".csv" in entry.name and not entry.name.startswith((".", "_")):
            stat = entry.stat()
            file = SourceFile(entry.name, stat.st_size, stat.st_mtime_ns // 1_000_000)
            last = known.get(file.name)
            if last is None or (last.size, last.modified_ms) != (file.size, file.modified_ms):
                yield file


def _is_same(file: SourceFile, last: Delivery | None) -> bool:
    return last is not None and last.sha256 == file.sha256


def _delivery(file: SourceFile, last: Delivery | None) -> Delivery:
    number = 1 if last is None else last.number + 1
    delivered = file.modified_ms if last is None else max(file.modified_ms, last.delivered_ms + 1)
    return Delivery(file.name, file.size, file.modified_ms, file.sha256, number, delivered)


def _read(path: Path) -> Batch:
    said = json.loads(path.read_text(encoding="utf-8"))
    return Batch(said["number"], tuple(Delivery(**f) for f in said["files"]))
