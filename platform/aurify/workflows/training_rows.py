"""The rows of a model: its training set, written once, and the parts of it by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, DataError
from aurify.models.declare import ModelSpec
from aurify.models.estimator import Learning
from aurify.models.learnable import label
from aurify.models.split import PART, Dates
from aurify.workflows.training_set import TrainingSet, training_set

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake


@dataclass(frozen=True)
class TrainingRows:
    """A model's training set, and the spans that its rows are split by; `keys` are those of the labels."""

    spec: ModelSpec
    made: TrainingSet
    dates: Dates
    keys: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are learned from: those that the model names, or all of its views."""
        return self.spec.features or self.made.features

    @property
    def unit(self) -> tuple[str, ...]:
        """The columns whose rows are drawn together for an interval: those that the model names, or the keys."""
        return self.spec.unit or self.keys

    def parts(self, rows: DataFrame, dates: Dates) -> DataFrame:
        """The rows of train, validation and test with their `part`, as the model's function leaves them.

        A label that was known only after the model could be used is not learned from. The target is a double.
        """
        from pyspark.sql import functions as F

        spec = self.spec
        begin, end = (F.lit(moment.isoformat()).cast("timestamp") for moment in dates.whole)
        time = F.col(quoted(self.made.time)).cast("timestamp")
        split = rows.where((time >= begin) & (time < end)).withColumn(PART, dates.part(self.made.time))
        found = spec.function(split)
        if set(found.columns) != set(split.columns):
            changed = f"its function changes {', '.join(sorted(set(found.columns) ^ set(split.columns)))}"
            hint = "let it leave rows out; new features belong into a view"
            raise ConfigurationError.of(f"model {spec.name}", changed, "the same columns", hint)
        found = found.where(F.col(PART) != "gap").withColumn(spec.data.target, label(spec.data.target))
        if spec.data.known_at is None:
            return found
        used = F.when(F.col(PART) == "train", dates.learned_at.isoformat())
        used = used.when(F.col(PART) == "validation", dates.test[0].isoformat()).cast("timestamp")
        return found.where(used.isNull() | (F.col(quoted(spec.data.known_at)).cast("timestamp") <= used))

    def learning(self, parts: DataFrame, scratch: str) -> Learning:
        """What an estimator learns from, of these parts."""
        spec = self.spec
        weight = [spec.weight] if spec.weight else []
        texts = getattr(spec.estimator, "takes_texts", ())
        wanted = dict.fromkeys((*self.features, *texts, spec.data.target, *self.keys, *weight))
        columns = [quoted(name) for name in wanted]
        has_validation = self.dates.validation is not None
        return Learning(
            rows=parts.where(f"{PART} = 'train'").select(*columns),
            validation=parts.where(f"{PART} = 'validation'").select(*columns) if has_validation else None,
            features=self.features,
            label=spec.data.target,
            order_by=self.keys,
            scratch=scratch,
            weight=spec.weight,
            seed=spec.seed,
            workers=spec.workers,
            time_limit=spec.time_limit,
        )


def training_rows(lake: Lake, spec: ModelSpec, until: datetime | None) -> TrainingRows:
    """Write the model's training set, or find it written; its test ends at `until`, or with the newest known labels."""
    data, time = spec.data, _time(lake, spec)
    dates = spec.split.dates(until or _newest_end(lake, spec, time))
    first = min([dates.train[0], *(d.train[0] for d in spec.split.earlier(dates))] if spec.search else [dates.train[0]])
    made = training_set(
        lake,
        spec.name,
        data.labels,
        data.views,
        target=data.target,
        time=time,
        between=(first, dates.test[1]),
        known_at=data.known_at,
        tolerance=data.tolerance,
    )
    return TrainingRows(spec, made, dates, lake.spec(data.labels).keys)


def rows_of_record(lake: Lake, spec: ModelSpec, record: Mapping[str, Any]) -> TrainingRows:
    """The rows that a version was trained on and judged by, as they were written; the model's function is today's."""
    target, features = spec.data.target, tuple(record["features"])
    path, versions = record["training_set"], record["versions"]
    made = TrainingSet(spec.name, path, target, _time(lake, spec), features, (), versions)
    return TrainingRows(spec, made, Dates.of_dict(record["dates"]), lake.spec(spec.data.labels).keys)


def _time(lake: Lake, spec: ModelSpec) -> str:
    """The column of the labels that rows are split by."""
    return str(spec.data.time or lake.spec(spec.data.labels).time)


def _newest_end(lake: Lake, spec: ModelSpec, time: str) -> datetime:
    """When the newest test ends whose labels are known."""
    from pyspark.sql import functions as F

    labels, known = lake.read(spec.data.labels), spec.data.known_at
    asked = [F.max(F.col(quoted(name)).cast("timestamp").cast("string")) for name in (time, known) if name]
    found = labels.agg(*asked).collect()[0]
    told = [None if value is None else datetime.fromisoformat(value) for value in found]
    if told[0] is None:
        raise DataError.of(f"model {spec.name}", f"no {time} in {spec.data.labels}", "labels with their times")
    return spec.split.newest_end(told[0], told[1] if known else None)
