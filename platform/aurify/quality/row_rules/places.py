"""Where a name leads: to a column, or along dots to a field of structs (`address.city`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.config.names import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STEP = re.compile(r"`((?:[^`]|``)+)`|([^`.]+)")
_STEPS = re.compile(rf"(?:{_STEP.pattern})(?:\.(?:{_STEP.pattern}))*")


@dataclass(frozen=True)
class Place:
    """A column, or a field of structs, and its type; `path` are the names that lead to it."""

    path: tuple[str, ...]
    kind: T.DataType

    @property
    def column(self) -> Column:
        """The value there; NULL where a struct on the way is NULL."""
        from pyspark.sql import functions as F

        return F.col(".".join(map(quoted, self.path)))

    @property
    def text(self) -> str:
        """The name as SQL has it, quoted where it must be."""
        return ".".join(step if _PLAIN.fullmatch(step) else quoted(step) for step in self.path)


def place_of(name: str, schema: T.StructType) -> Place | None:
    """Where a name leads; None where nowhere. A column of just this name goes before a field.

    >>> from aurify.config.columns import parse_columns
    >>> schema = parse_columns("address struct<city:string>, `net.price` int")
    >>> [place_of(name, schema).path for name in ("address.city", "net.price", "`net.price`")]
    [('address', 'city'), ('net.price',), ('net.price',)]
    """
    found = _dotted(name, schema)
    if found is None and _STEPS.fullmatch(name):
        steps = [quoted_step.replace("``", "`") or step for quoted_step, step in _STEP.findall(name)]
        return _along(steps, schema)
    return found


def place_names(schema: T.StructType) -> Iterator[str]:
    """Every name that leads somewhere, for a hint."""
    for field in schema.fields:
        yield field.name
        if isinstance(field.dataType, T.StructType):
            yield from (f"{field.name}.{inner}" for inner in place_names(field.dataType))


def _dotted(name: str, schema: T.StructType) -> Place | None:
    """The name read literally; of several ways to cut it at its dots, the one with the longest names first."""
    if name in schema.names:
        return Place((name,), schema[name].dataType)
    cut = name.rfind(".")
    while cut > 0:
        head, kind = name[:cut], _kind(name[:cut], schema)
        if isinstance(kind, T.StructType) and (found := _dotted(name[cut + 1 :], kind)):
            return Place((head, *found.path), found.kind)
        cut = name.rfind(".", 0, cut)
    return None


def _along(steps: Sequence[str], schema: T.StructType) -> Place | None:
    kind: T.DataType | None = schema
    for step in steps:
        kind = _kind(step, kind) if isinstance(kind, T.StructType) else None
    return None if kind is None else Place(tuple(steps), kind)


def _kind(name: str, schema: T.StructType) -> T.DataType | None:
    return schema[name].dataType if name in schema.names else None
