"""A Python estimator trained for each group of the rows, all of them in one Spark job."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem
from aurify.models.estimator import Learning
from aurify.models.group_models import GroupFit, GroupModels
from aurify.models.numeric_columns import is_number, number
from aurify.models.python_model import PythonModel, in_order, taught
from aurify.models.python_reference import Python
from aurify.models.python_rows import prepared, refuse_misfits
from aurify.models.row_draws import drawn
from aurify.models.time_limit import stopped

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, Row

WHERE = "ByGroup"
GROUP, FALLBACK, ROWS, CONTENT, TROUBLE, IS_LATE = "_group", "_fallback", "_rows", "_content", "_trouble", "_is_late"
TOLD = f"{ROWS} long, {CONTENT} binary, {TROUBLE} string, {IS_LATE} boolean"
TASKS_A_SLOT = 4
TROUBLES_TOLD = 5
LONGEST = 500


@dataclass(frozen=True)
class ByGroup:
    """An estimator for each value of `group`, a column of text or numbers that is no other feature.

    The rows of a group are held by one task, and at most `most_groups` models by the driver. A group of fewer rows
    than `fewest`, or that can't be learned from, has no model: `fallback_rows` are how many rows of all groups, about,
    a hash draws for the model of such groups and of those never seen; 0 is none, and such rows are scored NaN.
    Codes are read as the numbers that they are. A time limit is read before each group's fit, which nothing interrupts.
    """

    group: str
    estimator: Python
    fewest: int = 50
    fallback_rows: int = 100_000
    most_groups: int = 1_000

    @property
    def takes_texts(self) -> tuple[str, ...]:
        """The columns that it reads as they are, be they text."""
        return (self.group,)

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with the estimator and the numbers."""
        problems = self.estimator.problems(f"{where}: estimator")
        if not self.group:
            problems.append(Problem(where, "no name", "a column", key="group"))
        for name, value, least in (
            ("fewest", self.fewest, 1),
            ("fallback_rows", self.fallback_rows, 0),
            ("most_groups", self.most_groups, 1),
        ):
            if value < least:
                problems.append(Problem(where, str(value), f"{least} or more", key=name))
        return problems

    def fit(self, learning: Learning) -> GroupModels:
        """ConfigurationError: more groups than declared, no group or no fallback that can be learned."""
        until = None if learning.time_limit is None else time.time() + learning.time_limit.total_seconds()
        features = tuple(name for name in learning.features if name != self.group)
        refuse_misfits(WHERE, learning, features, (self.group,))
        rows = self._grouped(learning, features)
        counts = self._counts(rows)
        task = Task(self.estimator, features, learning.seed, self.fewest, until)
        slots = learning.rows.sparkSession.sparkContext.defaultParallelism
        # With a number of its own, Spark does not put many small groups, slow to fit, into one task.
        spread = self._with_fallback(rows, learning, sum(counts.values())).repartition(
            min(TASKS_A_SLOT * slots, len(counts) + 1), FALLBACK, GROUP
        )
        schema = f"{FALLBACK} boolean, {GROUP} {rows.schema[GROUP].dataType.simpleString()}, {TOLD}"
        told = spread.groupBy(FALLBACK, GROUP).applyInPandas(partial(_fitted, task=task), schema).collect()
        return self._models(told, features, learning)

    def _grouped(self, learning: Learning, features: tuple[str, ...]) -> DataFrame:
        """The prepared rows with their group: text, or a number as scoring reads it."""
        from pyspark.sql import functions as F

        rows, kind = learning.rows, learning.rows.schema[self.group].dataType
        group = number(rows, self.group) if is_number(kind) else F.col(quoted(self.group))
        group = F.when(~F.isnan(group), group) if is_number(kind) else group
        return rows.select(*prepared(learning, features), group.alias(GROUP))

    def _counts(self, rows: DataFrame) -> dict[Any, int]:
        """Rows by group, that of no group among them."""
        counted = rows.groupBy(GROUP).count().limit(self.most_groups + 2).collect()
        counts = {row[GROUP]: int(row["count"]) for row in counted}
        if len(counts.keys() - {None}) > self.most_groups:
            hint = "raise most_groups if the driver has the memory for as many models, or group rare values first"
            found = f"more than {self.most_groups:,} values of {self.group}"
            raise ConfigurationError.of(WHERE, found, f"{self.most_groups:,} groups at most", hint)
        return counts

    def _with_fallback(self, rows: DataFrame, learning: Learning, count: int) -> DataFrame:
        """The rows once for their group, and those that are drawn once more for the model of all groups."""
        from pyspark.sql import functions as F

        share = self.fallback_rows / max(count, 1)
        by = [f"_by{place}" for place in range(len(learning.order_by))]
        is_drawn = drawn(by, learning.seed, "fallback") < F.lit(share)
        uses = F.array(
            F.when(F.col(GROUP).isNotNull(), F.lit(False)),
            F.when(is_drawn, F.lit(True)),
        )
        used = rows.select("*", F.explode(F.array_compact(uses)).alias(FALLBACK))
        return used.withColumn(GROUP, F.when(~F.col(FALLBACK), F.col(GROUP)))

    def _models(self, told: list[Row], features: tuple[str, ...], learning: Learning) -> GroupModels:
        late = sum(row[IS_LATE] for row in told)
        if late:
            found, hint = f"{len(told) - late} of {len(told)} fits were begun", "give it more time, or more executors"
            raise stopped(WHERE, found, learning.time_limit, hint)
        groups = sorted((row for row in told if not row[FALLBACK]), key=lambda row: row[GROUP])
        fits = tuple(GroupFit(row[GROUP], row[ROWS], row[TROUBLE]) for row in groups)
        paths = self.estimator.paths()
        models = {
            row[GROUP]: PythonModel(bytes(row[CONTENT]), paths, features) for row in groups if row[TROUBLE] is None
        }
        fallback = next((row for row in told if row[FALLBACK]), None)
        problems = []
        if not models:
            problems = [Problem(f"{WHERE}: {fit.group}", str(fit.trouble), "a group to learn from") for fit in fits]
            problems = problems[:TROUBLES_TOLD] or [Problem(WHERE, f"no row with a {self.group}", "some")]
        if fallback is not None and fallback[TROUBLE] is not None:
            hint = "raise fallback_rows, or declare 0 to have such rows scored NaN"
            problems.append(Problem(f"{WHERE}: all groups", fallback[TROUBLE], "rows to learn from", hint))
        if problems:
            raise ConfigurationError(WHERE, problems)
        others = None if fallback is None else PythonModel(bytes(fallback[CONTENT]), paths, features)
        return GroupModels(self.group, fits, models, others)


@dataclass(frozen=True)
class Task:
    """What every task is told; `until` is in seconds since 1970."""

    estimator: Python
    features: tuple[str, ...]
    seed: int
    fewest: int
    until: float | None


def _fitted(key: tuple[Any, ...], rows: pd.DataFrame, task: Task) -> pd.DataFrame:
    """One row: the model of a group, or why there is none."""
    import pandas as pd

    is_fallback, count = bool(key[0]), len(rows)
    is_late = task.until is not None and time.time() >= task.until
    content, trouble = None, None
    if is_late:
        trouble = "no time was left"
    elif not is_fallback and count < task.fewest:
        trouble = f"fewer than {task.fewest} rows"
    else:
        try:
            ordered = in_order(rows.drop(columns=[FALLBACK, GROUP]))
            content = taught(task.estimator, task.features, ordered, task.seed).content
        except Exception as error:  # noqa: BLE001 - a group that fails must not take the others with it
            trouble = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
    told = {FALLBACK: is_fallback, GROUP: key[1], ROWS: count, CONTENT: content, TROUBLE: trouble, IS_LATE: is_late}
    return pd.DataFrame([told])
