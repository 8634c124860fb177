"""The table of a model's scores: a row for each row scored and version that scored it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from aurify.config.columns import ddl
from aurify.errors import ConfigurationError
from aurify.models.declare import ModelSpec
from aurify.scoring.declare import Scoring
from aurify.tables.spec import Append, Changes, Snapshot, TableSpec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CHAMPION = "champion"
VERSION = "model_version"
BY_MODEL = "model"
OWN = (
    "score double COMMENT 'between 0 and 1, NULL where the model gave none', decision string, "
    "decided_by string COMMENT 'model, or the rule and why', "
    "reasons array<struct<feature:string,value:double,contribution:double>>, "
    f"{VERSION} int, role string COMMENT 'champion or challenger: it decided; shadow or version: it did not', "
    "batch bigint, scored_at timestamp"
)
OWN_NAMES = ("score", "decision", "decided_by", "reasons", VERSION, "role", "batch", "scored_at")


def name_of(model: ModelSpec) -> str:
    """The name of the table."""
    return _scoring(model).table or f"gold.{model.name}_scores"


def time_of(rows: TableSpec) -> str | None:
    """When the rows that are scored took place."""
    return rows.time if rows.time or rows.view is None else rows.view.event_time


def kept_columns(model: ModelSpec, rows: TableSpec) -> list[str]:
    """What the scores keep of the rows: keys, time, and what is asked for."""
    scoring, time = _scoring(model), time_of(rows)
    return list(dict.fromkeys((*rows.keys, *([time] if time else []), *scoring.entity, *scoring.keep)))


def scores_table(model: ModelSpec, rows: TableSpec) -> TableSpec:
    """The table as the project sees it, without a version: `aurify score` makes its batches."""
    from pyspark.sql.types import StructType

    kept = StructType([rows.schema[name] for name in kept_columns(model, rows)])
    return TableSpec(
        name=name_of(model),
        inputs={CHAMPION: Changes(rows.name, only_new=True), **other_views(model)},
        keys=(*rows.keys, VERSION),
        columns=f"{ddl(kept)}, {OWN}",
        write=Append(),
        function=_Asked(model.name),
        time=time_of(rows),
        owner=model.owner,
        doc=f"One row for each of {rows.name} and version of {model.name} that scored it.",
        file=model.file,
        model=model.name,
    )


def of_batch(table: TableSpec, stream: str, function: Callable[..., DataFrame]) -> TableSpec:
    """The table as it makes one batch, of one stream of its input."""
    inputs = {stream if name == CHAMPION else name: given for name, given in table.inputs.items()}
    return replace(table, inputs=inputs, function=function)


def other_views(model: ModelSpec) -> dict[str, Snapshot]:
    """The views whose features are joined to the rows."""
    names = [name for name in model.data.views if name != _scoring(model).rows]
    return {f"view{place}": Snapshot(name) for place, name in enumerate(names)}


def _scoring(model: ModelSpec) -> Scoring:
    assert model.scoring is not None
    return model.scoring


class _Asked:
    """In the place of a function: a version scores, which `aurify score` chooses."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.__qualname__ = self.__name__ = f"scores_of_{model}"

    def __call__(self, **frames: DataFrame) -> DataFrame:
        """ConfigurationError, with the command."""
        hint = f"aurify score {self.model}"
        raise ConfigurationError.of(f"scores of {self.model}", "no version chosen", "one that scores", hint)
