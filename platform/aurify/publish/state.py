"""Where a table stands: its newest commit, its generation, its batch log; repaired where the log was lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aurify.errors import ConfigurationError
from aurify.publish.batch_log import Batch, BatchLog, Consumed
from aurify.publish.delta_log import Commit, foreign_commits
from aurify.publish.publication import refuse_foreign
from aurify.publish.target import Handle, Target
from aurify.storage import Storage


@dataclass
class TableState:
    """One table as a refresh finds it. `handle` is None before the first batch; `lost` tells a log that is gone."""

    target: Target
    storage: Storage
    handle: Handle | None
    generation: int
    log: BatchLog
    lost: ConfigurationError | None = None

    @classmethod
    def read(cls, target: Target, storage: Storage) -> TableState:
        """Look at the table and its log, without Spark, and mend a log that was lost."""
        state = cls.seen(target, storage)
        if state.handle is not None and state.handle.position[0]:
            state.lost = _mend(storage, state.handle)
        return state

    @classmethod
    def seen(cls, target: Target, storage: Storage) -> TableState:
        """The same, and nothing is mended."""
        handle = Handle.open(target.path)
        recorded = BatchLog.generations(storage, target.path)
        generation = max([1, handle.position[0] if handle else 0, *recorded[-1:]])
        return cls(target, storage, handle, generation, BatchLog(storage, target.path, generation))

    @property
    def committed(self) -> int:
        """The number of the newest published batch of the generation."""
        return self.handle.committed(self.generation) if self.handle else 0

    @cached_property
    def consumed(self) -> Consumed:
        """What the published batches of the generation took in; ConfigurationError where nobody knows any more."""
        if self.lost is not None:
            raise self.lost
        return self.log.consumed(self.committed)

    @property
    def open_batch(self) -> Batch | None:
        """The recorded batch that is not published yet."""
        return self.log.batch(self.committed + 1)

    @property
    def foreign(self) -> list[Commit]:
        """Commits by others since our newest one."""
        if self.handle is None:
            return []
        ours = self.handle.newest_note
        return foreign_commits(self.target.path, ours.version if ours else -1, self.handle.version)

    def refuse_foreign(self) -> None:
        """Stop where somebody else changed the table."""
        refuse_foreign(self.target.name, self.foreign)


def notes(handle: Handle) -> Iterator[tuple[Commit, Mapping[str, Any]]]:
    """Our commits, newest first, as far back as the log goes."""
    for version in range(handle.version, -1, -1):
        commit = handle.commit(version)
        if commit is None:
            return
        if commit.note is not None:
            yield commit, commit.note


def lineage(handle: Handle) -> dict[int, int | None]:
    """The generations whose batches made the rows that stand, each with its last batch that counts; None for all."""
    generation = handle.position[0]
    found: dict[int, int | None] = {generation: None}
    for _, note in notes(handle):
        if note.get("kind") == "full" and note.get("generation") == generation:
            break
        if (note.get("generation"), note.get("batch")) == (generation, 0):
            generation = int(note["from"])
            found[generation] = note.get("to")
    return found


def _mend(storage: Storage, handle: Handle) -> ConfigurationError | None:
    """Write the records of the published generation again where they are gone, from the commits, or say why not."""
    generation, number = handle.position
    log = BatchLog(storage, handle.path, generation)
    if log.is_whole(number):
        return None
    for _, note in notes(handle):
        if note.get("generation") != generation:
            continue
        if note.get("base"):
            log.begin_from(Consumed.model_validate(note["base"]))
        elif note.get("record"):
            log.record(Batch.model_validate(note["record"]))
        if log.is_whole(number):
            return None
    return ConfigurationError.of(
        f"batch log of {handle.path}",
        "it was lost, and the table's commits no longer tell all that was consumed",
        f"the records of batches 1 to {number}",
        "rebuild the table: aurify refresh TABLE --full",
    )
