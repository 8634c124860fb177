"""What a table is: frozen descriptions, made by the decorator, read by everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

    from aurify.features.view import FeatureView

Columns = str | Sequence[str]

SOURCE_COLUMNS = "_source_file string, _source_row bigint, _delivery int, _delivered_at timestamp"


def as_names(columns: Columns) -> tuple[str, ...]:
    """One name, a list or a tuple of names as a tuple; anything else stays, for the check to name it."""
    if isinstance(columns, str):
        return (columns,)
    return tuple(columns) if isinstance(columns, list) else columns  # type: ignore[return-value]


@dataclass(frozen=True)
class Changes:
    """A driving input: the rows of `table` that are new, changed or removed since the last batch.

    With a `reach`, for a Recompute by a date: a changed row touches the days from `after` its own up to `reach` later,
    and a day is computed from the rows of the days that reach it. With `only_new`, for an Append: rows whose key is
    new, as they are by then; one that changes later or goes away does not come again.
    """

    table: str
    reach: timedelta = timedelta(0)
    after: timedelta = timedelta(0)
    only_new: bool = False

    @property
    def reach_days(self) -> int:
        """The reach in whole days, rounded up."""
        return -(-self.reach // timedelta(days=1))

    @property
    def after_days(self) -> int:
        """The days that a row does not touch yet, its own the first of them."""
        return self.after // timedelta(days=1)


@dataclass(frozen=True)
class Snapshot:
    """A lookup: the whole of `table` at the version pinned when the batch was recorded."""

    table: str


@dataclass(frozen=True)
class Folder:
    """A driving input: the files of one folder, each delivery of each file once.

    `path` is relative to the source root of the environment (`sources:` in its overlay).
    """

    path: str
    columns: str
    format: Literal["csv", "parquet"] = "csv"
    pattern: str = "**/*"
    delimiter: str = ","
    encoding: str = "UTF-8"
    header: bool = True


Input = Changes | Snapshot | Folder


@dataclass(frozen=True)
class Append:
    """Every row of a batch is a new row."""


@dataclass(frozen=True)
class Upsert:
    """The newest row of a key by `order_by` wins; a removed key leaves a tombstone.

    `locate_by` names columns that the key determines, so that a MERGE reads only their files.
    `delete_when` is a SQL condition on the output row that makes it a delete.
    `tombstones` is how long a delete is remembered, in time of `order_by`; None keeps it for ever.
    """

    order_by: str
    locate_by: tuple[str, ...] = ()
    delete_when: str | None = None
    tombstones: timedelta | None = None

    def __init__(
        self,
        order_by: str,
        locate_by: Columns = (),
        delete_when: str | None = None,
        tombstones: timedelta | None = None,
    ) -> None:
        object.__setattr__(self, "order_by", order_by)
        object.__setattr__(self, "locate_by", as_names(locate_by))
        object.__setattr__(self, "delete_when", delete_when)
        object.__setattr__(self, "tombstones", tombstones)


@dataclass(frozen=True)
class Recompute:
    """The groups that new, changed or removed rows touch are computed again, whole."""

    by: tuple[str, ...]

    def __init__(self, by: Columns) -> None:
        object.__setattr__(self, "by", as_names(by))


WriteMode = Append | Upsert | Recompute


@dataclass(frozen=True)
class TableSpec:
    """One table: name, inputs, contract and write mode, beside the pure function that makes it."""

    name: str
    inputs: Mapping[str, Input]
    keys: tuple[str, ...]
    columns: str
    write: WriteMode
    function: Callable[..., DataFrame] = field(compare=False)
    time: str | None = None
    rows: Literal["same", "any"] = "any"
    owner: str = ""
    doc: str = ""
    file: str = ""
    view: FeatureView | None = None
    model: str = ""  # the model whose scores it holds

    @property
    def layer(self) -> str:
        """`silver` of `silver.pos_lines`."""
        return self.name.split(".", 1)[0]

    @property
    def schema(self) -> StructType:
        """The contract as a Spark type; a table fed by a folder also has the source columns."""
        from aurify.config.columns import parse_columns

        return parse_columns(self.columns if not self.folder else f"{self.columns}, {SOURCE_COLUMNS}")

    @property
    def folder(self) -> Folder | None:
        """The folder that feeds the table, if one does."""
        return next((i for i in self.inputs.values() if isinstance(i, Folder)), None)

    @property
    def drivers(self) -> dict[str, Changes]:
        """The tables whose changes make a batch, by parameter name."""
        return {name: i for name, i in self.inputs.items() if isinstance(i, Changes)}

    @property
    def lookups(self) -> dict[str, Snapshot]:
        """The tables read whole at a pinned version, by parameter name."""
        return {name: i for name, i in self.inputs.items() if isinstance(i, Snapshot)}

    @property
    def upstream(self) -> tuple[str, ...]:
        """The names of all tables it reads."""
        return tuple(i.table for i in self.inputs.values() if not isinstance(i, Folder))
