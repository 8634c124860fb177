"""How a rare class is given more weight in a fit: by LightGBM's own parameters, or by weights of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aurify.errors import Problem, did_you_mean
from aurify.models.barrier_rows import LABEL, VALIDATION, WEIGHT
from aurify.models.lightgbm_parameters import BINARY, with_main_names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

NONE, SCALE_POS_WEIGHT, IS_UNBALANCE, CLASS_WEIGHTS = "none", "scale_pos_weight", "is_unbalance", "class_weights"
BALANCES = (NONE, SCALE_POS_WEIGHT, IS_UNBALANCE, CLASS_WEIGHTS)


def problems_of_balance(where: str, balance: str, parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a balance, and with what the parameters say of the same."""
    if balance not in BALANCES:
        return [Problem(where, f"'{balance}'", ", ".join(BALANCES), did_you_mean(balance, BALANCES), "balance")]
    if balance == NONE:
        return []
    problems = []
    if parameters.get("objective") != BINARY:
        problems.append(Problem(where, balance, f"{NONE}, unless the objective is {BINARY}", key="balance"))
    for name in sorted(with_main_names(parameters).keys() & {SCALE_POS_WEIGHT, IS_UNBALANCE}):
        expected, hint = f"{balance} alone to balance", "leave it out, or balance='none'"
        problems.append(Problem(where, "a value", expected, hint, name))
    return problems


def balanced(
    numbers: DataFrame, parameters: Mapping[str, Any], balance: str, counted: Row
) -> tuple[DataFrame, dict[str, Any]]:
    """The prepared rows and the parameters of a balanced fit; `counted` has the weight of all rows and of the ones.

    Rows that validate keep their weights, so that metrics are those of the data as it is.
    """
    given = dict(parameters)
    if balance == IS_UNBALANCE:
        return numbers, {**given, IS_UNBALANCE: True}
    if balance == NONE:
        return numbers, given
    whole, positive = float(counted["weight"]), float(counted["positive_weight"])
    negative = whole - positive
    if balance == SCALE_POS_WEIGHT:
        return numbers, {**given, SCALE_POS_WEIGHT: negative / positive}
    return _weighted(numbers, whole / (2 * negative), whole / (2 * positive)), given


def _weighted(numbers: DataFrame, of_zeros: float, of_ones: float) -> DataFrame:
    """With the weights of the classes, as scikit-learn's `balanced`, times those that the rows have."""
    from pyspark.sql import functions as F

    own = F.col(WEIGHT) if WEIGHT in numbers.columns else F.lit(1.0)
    times = F.when(F.col(LABEL) == 1, of_ones).otherwise(of_zeros)
    if VALIDATION in numbers.columns:
        times = F.when(F.col(VALIDATION), 1.0).otherwise(times)
    return numbers.withColumn(WEIGHT, own * times)
