"""What keeps a fit in barrier tasks from running or from learning, told before it starts, all at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aurify.errors import ConfigurationError, EnvironmentFailure, Problem, did_you_mean, no_column
from aurify.models.barrier_frame import Roles, feature
from aurify.models.barrier_rows import LABEL, VALIDATION, WEIGHT
from aurify.models.class_balance import problems_of_balance
from aurify.models.lightgbm_parameters import BINARY, CROSS_ENTROPY, problems_of_parameters
from aurify.models.numeric_columns import is_number

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row, SparkSession

INSTALL = "pip install 'lightgbm>=4.7,<5'"
LEAF = ("min_data_in_leaf", "min_data_per_leaf", "min_data", "min_child_samples", "min_samples_leaf")
_ODD_IN_NAMES = frozenset('",:[]{}')


@dataclass(frozen=True)
class Asked:
    """A fit as it was asked for, without its rows."""

    roles: Roles
    parameters: Mapping[str, Any]
    workers: int
    rounds: int
    early_stopping_rounds: int | None
    time_limit: timedelta | None
    balance: str = "none"


def refuse_without_package() -> None:
    """EnvironmentFailure where the driver has no lightgbm."""
    if find_spec("lightgbm") is None:
        found, expected = "no package lightgbm on the driver", "it on the driver and on every worker"
        raise EnvironmentFailure.of("fit", found, expected, INSTALL)


def refuse_misfits(asked: Asked, rows: DataFrame, validation: DataFrame | None, found: Sequence[Problem] = ()) -> None:
    """ConfigurationError with all that can be told without reading a row: columns, parameters, cluster; and `found`."""
    problems = [*found, *_of_columns(asked.roles, rows), *_of_features(asked.roles), *_of_request(asked)]
    if validation is not None:
        problems += _of_validation(asked.roles, rows, validation)
    problems += _of_cluster(rows.sparkSession, asked.workers)
    if problems:
        raise ConfigurationError("fit", problems)


def _of_columns(roles: Roles, rows: DataFrame) -> list[Problem]:
    problems = []
    for name in dict.fromkeys(roles.all_names()):
        if name not in rows.columns:
            problems.append(no_column("fit", name, rows.columns))
    there = set(rows.columns)
    for name in dict.fromkeys((*roles.features, roles.label, *([roles.weight] if roles.weight else []))):
        if name in there and not is_number(rows.schema[name].dataType):
            problems.append(Problem("fit", f"{name} is {rows.schema[name].dataType.simpleString()}", "a number"))
    if roles.is_validation in there and rows.schema[str(roles.is_validation)].dataType.typeName() != "boolean":
        problems.append(Problem("fit: validation", f"{roles.is_validation} is no boolean", "true for its rows"))
    for name in roles.order_by:
        if name in there and "map<" in rows.schema[name].dataType.simpleString():
            problems.append(Problem("fit: order_by", f"{name} has no order", "columns that can be sorted"))
    return problems


def _of_validation(roles: Roles, rows: DataFrame, validation: DataFrame) -> list[Problem]:
    """A frame to validate on has the columns of the rows, and their types."""
    problems = []
    for name in dict.fromkeys(name for name in roles.all_names() if name in rows.columns):
        if name not in validation.columns:
            problems.append(Problem("fit: validation", f"no column '{name}'", "the columns of the rows"))
        elif validation.schema[name].dataType != rows.schema[name].dataType:
            kinds = [frame.schema[name].dataType.simpleString() for frame in (validation, rows)]
            problems.append(Problem("fit: validation", f"{name} is {kinds[0]}", f"{kinds[1]}, as in the rows"))
    return problems


def _of_features(roles: Roles) -> list[Problem]:
    problems = []
    if not roles.features:
        problems.append(Problem("fit: features", "none", "one column or more"))
    if not roles.order_by:
        problems.append(Problem("fit: order_by", "none", "columns that tell the rows apart, for the same model twice"))
    for name in sorted({name for name in roles.features if roles.features.count(name) > 1}):
        problems.append(Problem("fit: features", f"'{name}' twice", "each once"))
    others = [name for name in (roles.label, roles.weight, roles.is_validation) if name in roles.features]
    for name in others:
        problems.append(Problem("fit: features", f"'{name}', which has another part", "what is known when scoring"))
    for name in roles.features:
        if not name.isascii() or " " in name or _ODD_IN_NAMES & set(name):
            expected = "plain letters, without spaces and any of " + " ".join(sorted(_ODD_IN_NAMES))
            problems.append(Problem("fit: features", f"'{name}'", expected, "rename the column"))
    for name in roles.categorical:
        if name not in roles.features:
            hint = did_you_mean(name, roles.features)
            problems.append(Problem("fit: categorical", f"'{name}'", "one of the features", hint))
    return problems


def _of_request(asked: Asked) -> list[Problem]:
    """Numbers and parameters."""
    problems = problems_of_parameters("fit: parameters", asked.parameters)
    problems += problems_of_balance("fit", asked.balance, asked.parameters)
    for name, number in (("workers", asked.workers), ("rounds", asked.rounds)):
        if number < 1:
            problems.append(Problem("fit", str(number), "1 or more", key=name))
    if asked.early_stopping_rounds is not None:
        if asked.early_stopping_rounds < 1:
            problems.append(Problem("fit", str(asked.early_stopping_rounds), "1 or more", key="early_stopping_rounds"))
        if not asked.roles.has_validation:
            problems.append(Problem("fit: early stopping", "no validation", "rows to see by when to stop"))
    if asked.time_limit is not None and asked.time_limit <= timedelta(0):
        problems.append(Problem("fit", str(asked.time_limit), "a length of more than nothing", key="time_limit"))
    return problems


def _of_cluster(spark: SparkSession, workers: int) -> list[Problem]:
    """A barrier stage waits, for minutes and in vain, where not all its tasks can run at once."""
    if workers == 1:
        return []
    if str(spark.sparkContext.getConf().get("spark.dynamicAllocation.enabled", "false")).lower() == "true":
        hint = "start the session with a fixed number of executors, or fit with one worker"
        return [Problem("spark.dynamicAllocation.enabled", "true", "false for a fit of several workers", hint)]
    slots = task_slots(spark)
    if slots < workers:
        hint = f"ask for {slots} workers, or start more executors"
        return [Problem("fit: workers", f"{workers}, with {slots} slots for tasks", "a slot for each worker", hint)]
    return []


def task_slots(spark: SparkSession) -> int:
    """How many tasks run at once, as Spark counts when it starts a barrier stage."""
    context = spark.sparkContext._jsc.sc()
    profile = context.resourceProfileManager().defaultResourceProfile()
    return int(context.maxNumConcurrentTasks(profile))


def refuse_unlearnable(asked: Asked, prepared: DataFrame) -> Row:
    """ConfigurationError with all that the numbers say against a fit; what one aggregation over them counted."""
    counted = prepared.agg(*_counts(asked.roles, prepared)).first()
    assert counted is not None
    problems = [*_of_label(asked, counted), *_of_rows(asked, counted)]
    for place, name in enumerate(asked.roles.features):
        if counted["rows"] and not counted[f"there_{place}"]:
            hint = "leave it out, or see why it is empty"
            problems.append(Problem("fit: features", f"'{name}' has no value in any row", "some", hint))
    if problems:
        raise ConfigurationError("fit", problems)
    return counted


def _counts(roles: Roles, prepared: DataFrame) -> Sequence[Column]:
    """What is asked of the prepared rows: a label's range is that of the rows to train on."""
    from pyspark.sql import functions as F

    def how_many(condition: Column) -> Column:
        return F.count(F.when(condition, True))

    def is_there(name: str) -> Column:
        return F.col(name).isNotNull() & ~F.isnan(name)

    trains = ~F.col(VALIDATION) if VALIDATION in prepared.columns else F.lit(True)
    weight = F.col(WEIGHT) if roles.weight else F.lit(1.0)
    counts = [
        how_many(trains).alias("rows"),
        how_many(~trains).alias("validation_rows"),
        how_many(~is_there(LABEL)).alias("unlabelled"),
        how_many(is_there(LABEL) & ~F.col(LABEL).isin(0.0, 1.0)).alias("other"),
        F.min(F.when(trains, F.col(LABEL))).alias("lowest"),
        F.max(F.when(trains, F.col(LABEL))).alias("highest"),
        F.sum(F.when(trains, weight)).alias("weight"),
        F.sum(F.when(trains & (F.col(LABEL) == 1), weight)).alias("positive_weight"),
    ]
    if roles.weight:
        counts.append(how_many(~is_there(WEIGHT) | (F.col(WEIGHT) < 0)).alias("unweighted"))
    there = (how_many(trains & is_there(feature(i))).alias(f"there_{i}") for i in range(len(roles.features)))
    return [*counts, *there]


def _of_label(asked: Asked, counted: Row) -> list[Problem]:
    where = f"fit: {asked.roles.label}"
    problems = []
    if counted["unlabelled"]:
        problems.append(Problem(where, f"NULL or NaN in {counted['unlabelled']} rows", "a label in every row"))
    if asked.parameters["objective"] == BINARY and counted["other"]:
        problems.append(Problem(where, f"neither 0 nor 1 in {counted['other']} rows", "0 and 1 for binary"))
    lowest, highest = counted["lowest"], counted["highest"]
    if asked.parameters["objective"] == CROSS_ENTROPY and lowest is not None and (lowest < 0 or 1 < highest < math.inf):
        problems.append(Problem(where, f"{lowest:g} to {highest:g}", f"0 to 1 for {CROSS_ENTROPY}"))
    if lowest is not None and lowest == highest and not math.isnan(lowest):
        problems.append(Problem(where, f"{lowest:g} in all rows", "two values or more, or there is nothing to learn"))
    return problems


def _of_rows(asked: Asked, counted: Row) -> list[Problem]:
    problems = []
    leaf = next((int(asked.parameters[name]) for name in LEAF if name in asked.parameters), 20)
    needed = max(2 * leaf, 2) * asked.workers
    if counted["rows"] < needed:
        expected = f"{needed} or more: two leaves of {leaf} for each of {asked.workers} workers"
        problems.append(Problem("fit: rows", f"{counted['rows']} to train on", expected))
    if asked.roles.has_validation and not counted["validation_rows"]:
        problems.append(Problem("fit: validation", "no rows", "some"))
    if asked.roles.weight and counted["unweighted"]:
        found = f"NULL, NaN or less than 0 in {counted['unweighted']} rows"
        problems.append(Problem(f"fit: {asked.roles.weight}", found, "a weight of 0 or more in every row"))
    return problems
