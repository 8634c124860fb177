"""What a search tells: each trial as it ends, and in the end the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from aurify.models.search.paths import Scalar

Own = TypeVar("Own")


@dataclass(frozen=True)
class Trial:
    """Some values and how good they are: the mean over the folds, None where it did not get through all of them.

    `number` counts from 0 and stays the same when a trial is done again after a kill. `reason` tells why it failed;
    `by_fold` is empty then.
    """

    number: int
    values: Mapping[str, Scalar]
    value: float | None
    by_fold: tuple[float, ...]
    state: Literal["finished", "pruned", "failed"]
    began: datetime
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Searched(Generic[Own]):
    """The best values, the first of equals, and the estimator with them; all trials in the order of their numbers.

    `importance` is the share of each path in what the values of the trials differ by (fANOVA, Hutter et al. 2014),
    empty where fewer than ten trials finished, all are equally good, or scikit-learn is not there. `is_complete` is
    false where the time was over first.
    """

    study: str
    metric: str
    values: Mapping[str, Scalar]
    value: float
    estimator: Own
    trials: tuple[Trial, ...]
    importance: Mapping[str, float]
    is_complete: bool
