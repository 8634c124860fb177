"""A fitted stage of plain values: how it is kept, and that rows it was fitted on are like all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from aurify.models.columns import Columns, Numbers

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Own = TypeVar("Own", bound="PlainStage")


class PlainStage:
    """What the fitted stages share: frozen dataclasses whose fields are numbers, texts and tuples of such."""

    @property
    def categorical(self) -> tuple[str, ...]:
        """None of the outputs."""
        return ()

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """The outputs for these columns."""
        raise NotImplementedError

    def applied_in_training(self, columns: Columns, fold: Numbers) -> dict[str, Numbers]:
        """The same as for other rows: no label is in them."""
        return self.applied(columns)

    def as_dict(self: DataclassInstance) -> dict[str, object]:
        """Its fields; JSON keeps every one exactly, floats by their shortest text."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_dict(cls: type[Own], values: Mapping[str, object]) -> Own:
        """What `as_dict` gave, or JSON made of it."""
        return cls(**{name: _with_tuples(value) for name, value in values.items()})


class StageOfColumns(PlainStage):
    """One that makes `names`, of several columns."""

    columns: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names."""
        return self.names


class StageOfText(PlainStage):
    """One that makes `names`, of one column of texts."""

    column: str
    names: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names."""
        return self.names


def _with_tuples(value: Any) -> Any:
    return tuple(map(_with_tuples, value)) if isinstance(value, list | tuple) else value
