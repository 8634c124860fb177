"""A fitted model: its stages and what was learned, which score as one, on executors as in one process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.columns import Columns, Numbers, columns_of
from aurify.models.estimator import FittedStage, Learned
from aurify.models.kinds import LEARNED, STAGES, class_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType

Make: TypeAlias = "Callable[[FittedModel, Columns], list[pa.Array]]"
MODEL_FILE, FOLDER = "model.json", "learned"
MODELS_HELD = 4
FORMAT = 1


@dataclass(frozen=True)
class FittedModel:
    """`inputs` are the columns that it reads, with their types as Spark writes them."""

    inputs: Mapping[str, str]
    stages: tuple[FittedStage, ...]
    learned: Learned

    @classmethod
    def of(cls, learned: Learned, rows: DataFrame) -> FittedModel:
        """The model that reads columns of these rows as they are, without a stage."""
        return cls({name: rows.schema[name].dataType.simpleString() for name in learned.features}, (), learned)

    def predict(self, columns: Columns) -> Numbers:
        """The score of every row of these columns, `inputs` among them."""
        return self.learned.predict(staged(columns, self.stages))

    def scored(self, rows: DataFrame, column: str = "score") -> DataFrame:
        """The rows with the model's score in `column`, double. ConfigurationError tells what does not fit together."""
        from pyspark.sql.types import DoubleType

        return self.with_columns("scored", rows, ((column, DoubleType()),), _score)

    def with_columns(self, where: str, rows: DataFrame, made: Sequence[tuple[str, DataType]], make: Make) -> DataFrame:
        """The rows with further columns, which `make` makes of the model and the inputs, batch by batch."""
        from pyspark.sql.types import StructField, StructType

        names, kinds = zip(*made, strict=True)
        self.refuse_misfits(where, rows, *names)
        own = {name: f"_{place}" for place, name in enumerate(rows.columns)}  # Python takes no odd names
        given = [StructField(own[field.name], field.dataType) for field in rows.schema.fields]
        further = [StructField(f"_made{place}", kind) for place, kind in enumerate(kinds)]
        inputs = {name: own[name] for name in self.inputs}
        mapper = partial(_with_made, files=self.files(), names=inputs, make=make)
        schema = StructType([*given, *further])
        return rows.toDF(*own.values()).mapInArrow(mapper, schema).toDF(*rows.columns, *names)

    def files(self) -> dict[str, bytes]:
        """All of it by file name; what a folder or a registry keeps."""
        described = {
            "format": FORMAT,
            "inputs": dict(self.inputs),
            "stages": [{"kind": stage.kind, **stage.as_dict()} for stage in self.stages],
            "learned": self.learned.kind,
        }
        found = {f"{FOLDER}/{name}": content for name, content in self.learned.files().items()}
        return {MODEL_FILE: json.dumps(described, indent=1).encode(), **found}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> FittedModel:
        """What `files` gave; ConfigurationError where this version of Aurify can't read it."""
        described = json.loads(files[MODEL_FILE])
        stages = [class_of(told["kind"], STAGES).of_dict(_without_kind(told)) for told in described["stages"]]
        learned = class_of(described["learned"], LEARNED)
        own = {name.removeprefix(f"{FOLDER}/"): content for name, content in files.items() if name != MODEL_FILE}
        return cls(described["inputs"], tuple(stages), learned.of_files(own))

    def save(self, folder: Path) -> None:
        """Write its files."""
        for name, content in self.files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    @classmethod
    def load(cls, folder: Path) -> FittedModel:
        """Read what `save` wrote."""
        names = [MODEL_FILE, *(str(path.relative_to(folder)) for path in folder.glob(f"{FOLDER}/**/*"))]
        return cls.of_files({name: (folder / name).read_bytes() for name in names if (folder / name).is_file()})

    @property
    def fingerprint(self) -> str:
        """A hash of all its files."""
        found = hashlib.sha256()
        for name, content in sorted(self.files().items()):
            found.update(f"{name}\0{len(content)}\0".encode() + content)
        return found.hexdigest()

    def refuse_misfits(self, where: str, rows: DataFrame, *made: str) -> None:
        """ConfigurationError with all that keeps the rows from being read, and from having these further columns."""
        kinds = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
        problems = []
        for name, kind in self.inputs.items():
            if name not in kinds:
                problems.append(no_column(where, name, kinds))
            elif is_text(kinds[name]) != is_text(kind):
                problems.append(Problem(where, f"{name} is {kinds[name]}", f"{kind}, as in training"))
        for place, name in enumerate(made):
            if name in kinds or name in made[:place]:
                problems.append(Problem(where, f"two columns named '{name}'", "a name of its own", "give another name"))
        if problems:
            raise ConfigurationError(where, problems)


def staged(columns: Columns, stages: Sequence[FittedStage]) -> dict[str, NDArray[Any]]:
    """The columns with all that the stages make of them, each from what is there by then."""
    found = dict(columns)
    for stage in stages:
        found |= stage.applied(found)
    return found


def features_after(features: Sequence[str], stages: Iterable[FittedStage]) -> tuple[str, ...]:
    """What the features are once stages have read some and made others."""
    found = list(features)
    for stage in stages:
        found = [name for name in found if name not in stage.reads]
        found += [name for name in stage.outputs if name not in found]
    return tuple(found)


def with_stages(rows: DataFrame, stages: Sequence[FittedStage], fold: str | None = None) -> DataFrame:
    """The rows with the stages' outputs as further columns, double; with `fold`, as for rows they were fitted on."""
    from pyspark.sql.types import DoubleType, StructField, StructType

    making = tuple(stage for stage in stages if stage.outputs)  # the others only say what is no feature any more
    made = list(dict.fromkeys(name for stage in making for name in stage.outputs))
    if not made:
        return rows
    kept = [name for name in rows.columns if name not in made]
    rows = rows.select(*map(quoted, kept))
    own = {name: f"_{place}" for place, name in enumerate(kept)}
    given = [StructField(own[field.name], field.dataType) for field in rows.schema.fields]
    schema = StructType([*given, *(StructField(f"_made{place}", DoubleType()) for place in range(len(made)))])
    needed = {name for stage in making for name in stage.reads} | ({fold} if fold else set())
    names = {name: own[name] for name in kept if name in needed}
    apply = partial(_staged, stages=making, names=names, made=made, fold=fold)
    return rows.toDF(*own.values()).mapInArrow(apply, schema).toDF(*kept, *made)


def _staged(
    batches: Iterable[pa.RecordBatch],
    stages: Sequence[FittedStage],
    names: Mapping[str, str],
    made: Sequence[str],
    fold: str | None,
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        columns: dict[str, NDArray[Any]] = columns_of(batch, names)
        for stage in stages:
            columns |= stage.applied(columns) if fold is None else stage.applied_in_training(columns, columns[fold])
        arrays = [*batch.columns, *(pa.array(columns[name], pa.float64()) for name in made)]
        yield pa.RecordBatch.from_arrays(arrays, [*batch.schema.names, *(f"_made{i}" for i in range(len(made)))])


def _with_made(
    batches: Iterable[pa.RecordBatch], files: Mapping[str, bytes], names: Mapping[str, str], make: Make
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    model = held(tuple(sorted(files.items())))
    for batch in batches:
        made = make(model, columns_of(batch, names))
        told = [f"_made{place}" for place in range(len(made))]
        yield pa.RecordBatch.from_arrays([*batch.columns, *made], [*batch.schema.names, *told])


def _score(model: FittedModel, columns: Columns) -> list[pa.Array]:
    import pyarrow as pa

    has_rows = any(map(len, columns.values()))
    return [pa.array(model.predict(columns) if has_rows else np.empty(0), pa.float64())]


@lru_cache(maxsize=MODELS_HELD)
def held(files: tuple[tuple[str, bytes], ...]) -> FittedModel:
    """The model of these files, read once in a process."""
    return FittedModel.of_files(dict(files))


def _without_kind(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "kind"}


def is_text(kind: str) -> bool:
    """Whether a column of this type is no number."""
    return not kind.startswith(("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean"))
