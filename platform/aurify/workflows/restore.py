"""Back to an earlier batch, and a hand-made change accepted: both begin a new generation in one commit."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError
from aurify.publish.batch_log import BatchLog, Consumed
from aurify.publish.state import TableState
from aurify.publish.target import Handle, commit_properties, transaction
from aurify.workflows.run import Run, quiet

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


def restore(lake: Lake, table: str, to: int) -> int:
    """Make the rows of `table` those after batch `to`; later input is taken in again by the next refresh.

    Batch 0 is the start of a generation that was itself restored.
    Gives the version of the commit. What reads the table is rebuilt at its next refresh.
    """
    run = Run(lake, [table], quiet)
    with lake.lease(table, run.id):
        state = lake.state(table)
        handle = _published(state)
        generation, newest = handle.position
        commit = handle.note_of(generation, to)
        if commit is None or not 0 <= to <= newest:
            raise ConfigurationError.of(
                table,
                f"batch {to}",
                f"a batch of generation {generation}, up to {newest}, whose commit the log still holds",
                f"aurify runs {table} lists them",
            )
        base = _consumed(state, handle, to)
        note = {"kind": "restore", "state": "restored", "to": to, "restored_version": commit.version}
        earlier = commit.version if commit.version < handle.version else None
        return _new_generation(state, handle, base, {**note, "run": run.id, "table": table}, earlier)


def accept_change(lake: Lake, table: str, version: int) -> int:
    """Take the foreign commits up to `version` as they are; gives the version of the commit that says so."""
    run = Run(lake, [table], quiet)
    with lake.lease(table, run.id):
        state = lake.state(table)
        handle = _published(state)
        foreign = [c.version for c in state.foreign]
        if not foreign or version != foreign[-1]:
            found = f"foreign versions {', '.join(map(str, foreign))}" if foreign else "no foreign commit"
            raise ConfigurationError.of(
                table, f"version {version} to accept, and {found}", "the newest foreign version", f"aurify plan {table}"
            )
        said = {"kind": "accepted", "state": "accepted change", "versions": foreign, "by": getpass.getuser()}
        base = _consumed(state, handle, handle.position[1])
        return _new_generation(state, handle, base, {**said, "run": run.id, "table": table}, None)


def _published(state: TableState) -> Handle:
    if state.handle is None or state.handle.position == (0, 0):
        raise ConfigurationError.of(state.target.name, "no published batch", "a table that was refreshed")
    return state.handle


def _consumed(state: TableState, handle: Handle, through: int) -> Consumed:
    """What the published generation took in; a rebuild that is recorded and not published has no part in it."""
    return BatchLog(state.storage, state.target.path, handle.position[0]).consumed(through)


def _new_generation(
    state: TableState, handle: Handle, base: Consumed, note: dict[str, object], restored: int | None
) -> int:
    """Commit the start of a generation whose consumed input is `base`; the log follows from the commit."""
    generation = state.generation + 1
    start = base.model_copy(update={"number": 0})
    kept = {k: handle.standing.get(k) for k in ("shape", "oldest", "code", "suite")}
    said = {
        **{k: v for k, v in kept.items() if v is not None},
        **note,
        "generation": generation,
        "batch": 0,
        "from": handle.position[0],
        "after": handle.version,
        "base": start.model_dump(mode="json"),
    }
    properties = commit_properties(said, {handle.app_id: transaction(generation, 0)})
    if restored is not None:
        handle.table.restore(restored, commit_properties=properties)
    else:
        handle.table.create_write_transaction([], "append", handle.table.schema(), commit_properties=properties)
    BatchLog(state.storage, state.target.path, generation).begin_from(start)
    return handle.fresh().version
