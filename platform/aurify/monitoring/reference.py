"""The reference of a model: the rows that it learned from, and its scores of the test, column by column and weekday."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from aurify.models.split import PART, Dates
from aurify.monitoring.counting import bins_of, weekdays_of
from aurify.monitoring.estimated import Calibration
from aurify.monitoring.profile import Bins, Profile, Weekdays, with_days_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCORE = "score"
PROFILE_FILE = "profile.json"
STEPS = 500


@dataclass(frozen=True)
class Reference:
    """What batches are held against; kept with the run of the version.

    `learned_at` is when the version had learned: what came before is no news. `calibration` is None where the scores
    are no probabilities.
    """

    columns: Mapping[str, Weekdays]
    learned_at: datetime
    calibration: Calibration | None

    @classmethod
    def of_training(
        cls, parts: DataFrame, scored: DataFrame, inputs: Sequence[str], time: str, label: str, dates: Dates
    ) -> Reference:
        """The inputs of the rows that were learned from, and the scores of the test; five jobs."""
        learned = parts.where(f"{PART} = 'train'")
        found = weekdays_of(learned, bins_of(learned, inputs), time)
        scores = weekdays_of(scored, bins_of(scored, [SCORE]), time)
        return cls({**found, **scores}, dates.learned_at, _calibration(scored, label))

    @property
    def bins(self) -> dict[str, Bins]:
        """Those of each column."""
        return {name: next(iter(days.values())).bins for name, days in self.columns.items()}

    def beside(self, batch: Mapping[str, Weekdays]) -> dict[str, Profile]:
        """The profiles as if its weekdays were those of a batch."""
        return {name: with_days_of(self.columns[name], days) for name, days in batch.items() if name in self.columns}

    def as_json(self) -> str:
        """For the run."""
        columns = {name: {day: each.as_dict() for day, each in days.items()} for name, days in self.columns.items()}
        calibration = None if self.calibration is None else self.calibration.as_dict()
        return json.dumps({"learned_at": self.learned_at.isoformat(), "calibration": calibration, "columns": columns})

    @classmethod
    def of_json(cls, text: str) -> Reference:
        """What `as_json` gave."""
        told = json.loads(text)
        columns = {
            name: {int(day): Profile.of_dict(each) for day, each in days.items()}
            for name, days in told["columns"].items()
        }
        calibration = None if told["calibration"] is None else Calibration(**told["calibration"])
        return cls(columns, datetime.fromisoformat(told["learned_at"]), calibration)


def _calibration(scored: DataFrame, label: str) -> Calibration | None:
    """How often the scores of the test were right, in steps."""
    from pyspark.sql import functions as F

    step = F.floor(F.col(SCORE) * STEPS)
    counted = scored.groupBy(step).agg(F.avg(SCORE), F.count(F.lit(1)), F.sum(F.col(label).cast("double")))
    scores, rows, positives = np.asarray([tuple(row)[1:] for row in counted.collect()], np.float64).T
    if not (scores.min() >= 0 and scores.max() <= 1):
        return None
    return Calibration.of_counts(scores, rows, positives)
