"""Where a spec differs from its table: what is applied, and what is refused with the way on."""

from __future__ import annotations

import hashlib
import inspect
import textwrap
from dataclasses import dataclass

from aurify.errors import ConfigurationError, Problem
from aurify.publish.state import TableState
from aurify.publish.target import Target
from aurify.tables.spec import TableSpec


@dataclass(frozen=True)
class Drift:
    """New nullable columns, which the next batch adds, and everything that only a rebuild can do."""

    added: tuple[str, ...]
    refused: tuple[Problem, ...]


def shape_of(target: Target) -> dict[str, object]:
    """What decides how rows of the table replace each other."""
    return {
        "keys": list(target.keys),
        "mode": target.mode,
        "order_by": target.order_by,
        "locate_by": list(target.locate_by),
    }


def find_drift(spec: TableSpec, state: TableState) -> Drift:
    """Compare contract and write mode with the table as it is."""
    handle = state.handle
    if handle is None or handle.position == (0, 0):
        return Drift((), ())
    have = {f.name: f.dataType for f in handle.schema.fields}
    want = {f.name: f.dataType for f in state.target.physical_schema.fields}
    way = f"rebuild it: aurify refresh {spec.name} --full (readers keep the old rows until it is done)"
    refused = [
        Problem(spec.file, f"type {want[n].simpleString()}", f"{have[n].simpleString()}, as in the table", way, n)
        for n in want
        if n in have and have[n] != want[n]
    ]
    refused += [
        Problem(spec.file, "no such column in `columns`", f"column {n}, which the table has", way, n)
        for n in have
        if n not in want
    ]
    held: dict[str, object] = dict(handle.standing.get("shape") or {})
    refused += [
        Problem(spec.file, f"{key} {wanted!r}", f"{held[key]!r}, as the table was built", way, key)
        for key, wanted in shape_of(state.target).items()
        if key in held and held[key] != wanted
    ]
    return Drift(tuple(n for n in want if n not in have), tuple(refused))


def refuse_drift(spec: TableSpec, state: TableState) -> None:
    """Stop where only a rebuild brings the table to its spec."""
    drift = find_drift(spec, state)
    if drift.refused:
        raise ConfigurationError(f"{spec.name}: the spec differs from its table", drift.refused)


def code_fingerprint(spec: TableSpec) -> str:
    """A hash of the function's source and the spec, to tell what code made a batch."""
    try:
        source = textwrap.dedent(inspect.getsource(spec.function))
    except (OSError, TypeError):
        source = spec.function.__qualname__
    said = f"{source}\n{spec.columns}\n{spec.keys}\n{spec.write}\n{dict(spec.inputs)}\n{spec.rows}\n{spec.view}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]
