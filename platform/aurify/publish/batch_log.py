"""The batch log: one file a batch, written before work starts, the only memory of what was consumed."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from aurify.errors import ConfigurationError
from aurify.storage import Storage

CHECKPOINT_EVERY = 20
# Files in the records after a checkpoint: more than that make the next one.
MOST_FILES = 200


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileDelivery(_Frozen):
    """One version of one source file, as it was when the batch was recorded; times in milliseconds.

    A replay delivers what the table holds of a file once more: `original` is the delivery that its lines came with.
    """

    path: str
    size: int
    modified_ms: int
    sha256: str
    records: int
    delivery: int
    delivered_ms: int
    original: int | None = None

    @property
    def content(self) -> int:
        """The delivery that brought these lines from the source."""
        return self.original or self.delivery

    def again(self) -> FileDelivery:
        """The same lines as the next delivery of the file."""
        return self.model_copy(
            update={"delivery": self.delivery + 1, "delivered_ms": self.delivered_ms + 1, "original": self.content}
        )


class VersionRange(_Frozen):
    """The versions (after, to] of a Delta table; a lookup has after == to."""

    table: str
    table_id: str
    generation: int
    after: int
    to: int


class Replay(_Frozen):
    """What a replay takes from: the version of quarantine, and of the decisions on its rows; None where none was made.

    What judges now tells which rows may pass that did not: the suite, and the rules `references` that look into
    `others`, tables at these versions.
    """

    quarantine: int
    decisions: int | None = None
    suite: str
    references: tuple[str, ...] = ()
    others: dict[str, int] = {}


class Scored(_Frozen):
    """Which version of a model scores the rows of a batch, and as what.

    The champion decides, of a `share` of the entities the `challenger` in its place; a shadow decides nothing; a
    version scores what it has not scored, since somebody asked for it.
    """

    model: str
    version: int
    role: Literal["champion", "shadow", "version"] = "champion"
    challenger: int | None = None
    share: float = 0.0

    @property
    def stream(self) -> str:
        """Whose place in the input it is: the champion's, whichever version that is, or that of one version."""
        return "champion" if self.role == "champion" else f"version {self.version}"

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that score."""
        return (self.version,) if self.challenger is None else (self.version, self.challenger)


class Batch(_Frozen):
    """One recorded unit of input for one table."""

    table: str
    generation: int
    number: int
    revision: int = 1
    kind: Literal["batch", "full", "restore", "replay"] = "batch"
    replay: Replay | None = None
    scored: Scored | None = None
    files: tuple[FileDelivery, ...] = ()
    changes: dict[str, VersionRange] = {}
    lookups: dict[str, VersionRange] = {}
    watermark: str | None = None
    run: str
    recorded_at: str

    @property
    def label(self) -> str:
        """`batch 7` or `batch 1 of generation 2`."""
        return f"batch {self.number}" + (f" of generation {self.generation}" if self.generation > 1 else "")


class Consumed(_Frozen):
    """Everything the batches up to `number` took in; `redelivered` are all deliveries of a file but its first."""

    number: int = 0
    files: dict[str, FileDelivery] = {}
    redelivered: tuple[FileDelivery, ...] = ()
    versions: dict[str, VersionRange] = {}

    def plus(self, batch: Batch) -> Consumed:
        """The state after one more batch."""
        return Consumed(
            number=batch.number,
            files={**self.files, **{f.path: f for f in batch.files}},
            redelivered=(*self.redelivered, *(f for f in batch.files if f.delivery > 1)),
            versions={**self.versions, **batch.changes},
        )


class BatchLog:
    """The batches of one generation of one table, below `<table>/_aurify/<generation>/`."""

    def __init__(self, storage: Storage, table_path: str, generation: int) -> None:
        self.storage = storage
        self.generation = generation
        self.folder = f"{table_path}/_aurify/{generation}"

    @staticmethod
    def generations(storage: Storage, table_path: str) -> list[int]:
        """The generations that have a record, oldest first."""
        found = (n for n in storage.names(f"{table_path}/_aurify") if n.isdigit())
        return sorted(int(n) for n in found if storage.names(f"{table_path}/_aurify/{n}"))

    def record(self, batch: Batch) -> Batch:
        """Write the record if it is the first of its number and revision; give back the one that counts."""
        name = f"{self.folder}/{batch.number:09d}.r{batch.revision}.json"
        if self.storage.create(name, batch.model_dump_json(indent=1).encode()):
            return batch
        held = self.batch(batch.number)
        assert held is not None, name
        return held

    def _revisions(self) -> Mapping[int, int]:
        newest: dict[int, int] = {}
        for name in self.storage.names(self.folder):
            number, _, rest = name.partition(".")
            if number.isdigit() and rest.startswith("r") and rest.endswith(".json"):
                newest[int(number)] = max(newest.get(int(number), 0), int(rest[1:-5]))
        return newest

    def numbers(self) -> list[int]:
        """The numbers of all recorded batches, in order."""
        return sorted(self._revisions())

    def batch(self, number: int, revision: int | None = None) -> Batch | None:
        """The newest, or the named, revision of a batch."""
        revision = revision or self._revisions().get(number)
        content = self.storage.read(f"{self.folder}/{number:09d}.r{revision}.json") if revision else None
        return Batch.model_validate_json(content) if content else None

    def is_whole(self, through: int) -> bool:
        """Whether every batch up to `through` is on record, and what the generation began from."""
        have = {*self._revisions(), *range(1, self._checkpoint(through).number + 1)}
        return all(number in have for number in range(1, through + 1)) and self._has_beginning()

    def _has_beginning(self) -> bool:
        """Whether the generation is the first, or begins with a rebuild or with what another consumed."""
        names = self.storage.names(self.folder)
        if self.generation == 1 or any(name.startswith("checkpoint.") for name in names):
            return bool(names)
        first = self.batch(1)
        return first is not None and first.kind == "full"

    def consumed(self, through: int) -> Consumed:
        """What the batches 1 to `through` took in, from the newest checkpoint and the records after it."""
        state = self._checkpoint(through)
        known, files = state.number, 0
        revisions = self._revisions()
        for number in range(state.number + 1, through + 1):
            batch = self.batch(number, revisions.get(number))
            if batch is None:
                raise ConfigurationError.of(
                    f"batch log {self.folder}",
                    f"no record of batch {number}",
                    f"the records of batches 1 to {through}",
                    "refresh the table that it belongs to first: its log is rebuilt from its commits",
                )
            state = state.plus(batch)
            files += len(batch.files)
        if state.number - known >= CHECKPOINT_EVERY or files > MOST_FILES:
            self._keep(state, through)
        return state

    def _keep(self, state: Consumed, through: int) -> None:
        """Write a checkpoint: all that every later look at the log has to read, so it is small."""
        content = gzip.compress(state.model_dump_json().encode(), mtime=0)
        self.storage.create(f"{self.folder}/checkpoint.{through:09d}.json.gz", content)

    def _checkpoint(self, through: int) -> Consumed:
        names = [n for n in self.storage.names(self.folder) if n.startswith("checkpoint.")]
        usable = [n for n in names if int(n.split(".")[1]) <= through]
        content = self.storage.read(f"{self.folder}/{usable[-1]}") if usable else None
        if content is None:
            return Consumed()
        return Consumed.model_validate_json(gzip.decompress(content) if usable[-1].endswith(".gz") else content)

    def begin_from(self, state: Consumed) -> None:
        """Start the generation as if the batches of an earlier one, up to `state`, were its own."""
        self._keep(state, state.number)

    def stop(self, number: int, report: str) -> None:
        """Keep why a batch stopped before its commit, for people to decide on."""
        self.storage.write(f"{self.folder}/{number:09d}.stopped.json", report.encode())

    def stopped(self, number: int) -> str | None:
        """Why the batch stopped, if it did."""
        content = self.storage.read(f"{self.folder}/{number:09d}.stopped.json")
        return content.decode() if content else None

    def release(self, number: int) -> None:
        """Forget that the batch was stopped."""
        self.storage.remove(f"{self.folder}/{number:09d}.stopped.json")

    def call_off(self, number: int) -> None:
        """Forget a batch that was recorded and not published."""
        for name in self.storage.names(self.folder):
            if name.startswith(f"{number:09d}."):
                self.storage.remove(f"{self.folder}/{name}")
