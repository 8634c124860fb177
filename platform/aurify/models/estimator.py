"""What every estimator is: declared in a model's file, fitted on rows, then a thing that scores and can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from aurify.errors import Problem
from aurify.models.columns import Columns, Numbers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Own = TypeVar("Own", bound="Learned")


@dataclass(frozen=True)
class Learning:
    """What an estimator learns from.

    `rows` and `validation` have the features, the label (0 or 1, a boolean, or for a regression a number), the weight
    and the columns of `order_by`, which tell rows apart. Features are numbers unless the estimator takes others;
    `categorical` are those of them that are codes, whole numbers from 0. NULL is missing. `scratch` is a folder that
    driver and executors share and that is emptied after the fit.
    """

    rows: DataFrame
    validation: DataFrame | None
    features: tuple[str, ...]
    label: str
    order_by: tuple[str, ...]
    scratch: str
    categorical: tuple[str, ...] = ()
    weight: str | None = None
    seed: int = 0
    workers: int = 1
    time_limit: timedelta | None = None


class Learned(Protocol):
    """What was learned. It needs no Spark: it scores columns, on executors as in one process, and is kept as files.

    `kind` finds its class again; `features` are read in this order.
    """

    kind: ClassVar[str]

    @property
    def features(self) -> tuple[str, ...]:
        """The features that it scores by."""

    def predict(self, columns: Columns) -> Numbers:
        """The score of every row: of a classifier the probability of 1, higher where a positive is likelier."""

    def importance(self) -> Mapping[str, float]:
        """How much each feature counts, 0 or more, adding up to 1; empty where it can't be told."""

    def files(self) -> dict[str, bytes]:
        """Its content by file name."""

    @classmethod
    def of_files(cls: type[Own], files: Mapping[str, bytes]) -> Own:
        """What `files` gave."""


class Estimator(Protocol):
    """How to learn: a frozen dataclass of plain values, so that it can be kept, compared and searched over."""

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values; read before a session starts."""

    def fit(self, learning: Learning) -> Learned:
        """Learn. ConfigurationError: the rows can't be learned from; TrainingStopped: its time was over."""


class FittedStage(Protocol):
    """A transform that was fitted: plain values, kept as JSON by `as_dict`; `kind` finds its class again."""

    kind: ClassVar[str]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that it is made of; they are no features any more, its own outputs are."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The features that it makes."""

    @property
    def categorical(self) -> tuple[str, ...]:
        """Those of the outputs that are codes, whole numbers from 0."""

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """The outputs for these columns: a value not seen in training has its declared answer, never an error."""

    def applied_in_training(self, columns: Columns, fold: Numbers) -> dict[str, Numbers]:
        """The outputs for rows that it was fitted on; `fold` is the number from 0 that each row belongs to."""

    def as_dict(self) -> dict[str, object]:
        """Its values for JSON."""

    @classmethod
    def of_dict(cls, values: Mapping[str, object]) -> FittedStage:
        """What `as_dict` gave."""


class Stage(Protocol):
    """A transform as declared in a model's file: a frozen dataclass of plain values."""

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values; read before a session starts."""

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedStage:
        """Fit it on training rows, whose column `fold` numbers their fold from 0 to `folds` - 1; few Spark jobs.

        `features` are what the stages before have left; those that it does not read stay features.
        """
