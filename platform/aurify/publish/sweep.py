"""The sweep: files of attempts that no commit names and that can never be committed any more."""

from __future__ import annotations

from aurify.publish.passed import KINDS
from aurify.publish.state import TableState, notes
from aurify.storage import Storage

AN_HOUR = 3600.0


def sweep(state: TableState, older_than_s: float = AN_HOUR) -> list[str]:
    """Delete what killed attempts left; run it only under the table's lease. Gives the folders removed.

    An attempt is swept only once its batch, or a later one, is published by another attempt: its own
    transaction would then be refused, so that nobody can commit files that are gone.
    """
    if state.handle is None:
        return []
    storage, position = state.storage, state.handle.position
    named = {str(note.get("attempt")): note.get("committed") for _, note in notes(state.handle)}
    removed: list[str] = []
    for root in (state.target.path, state.target.quarantine_path):
        for name in storage.names(f"{root}/batches"):
            folder = f"{root}/batches/{name}"
            generation, number, attempt = name.split("-", 2)
            in_use = attempt in named and (root == state.target.quarantine_path or named[attempt] != "merge")
            passed = (int(generation), int(number)) <= position
            if (
                passed
                and not in_use
                and storage.age_seconds(folder) >= older_than_s
                and _is_unnamed(storage, attempt, named, state)
            ):
                storage.remove(folder)
                removed.append(folder)
    return removed + _sweep_lists(state, named, older_than_s)


def _sweep_lists(state: TableState, named: dict[str, object], older_than_s: float) -> list[str]:
    """Delete the lists of rows and groups that such attempts left."""
    assert state.handle is not None
    storage, position = state.storage, state.handle.position
    removed = []
    for kind in KINDS:
        folder = f"{state.target.path}/_aurify/{kind}"
        for name in storage.names(folder):
            generation, number, attempt = name.removesuffix(".parquet").split("-", 2)
            passed = (int(generation), int(number)) <= position and attempt not in named
            file = f"{folder}/{name}"
            if passed and _is_unnamed(storage, attempt, named, state) and storage.age_seconds(file) >= older_than_s:
                storage.remove(file)
                removed.append(file)
    return removed


def _is_unnamed(storage: Storage, attempt: str, named: dict[str, object], state: TableState) -> bool:
    """Whether the log reaches back far enough to know that no commit names the attempt."""
    return attempt in named or storage.exists(f"{state.target.path}/_delta_log/{0:020d}.json")
