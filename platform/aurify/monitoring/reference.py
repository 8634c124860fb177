"""The reference of a model: the rows that it learned from, and its scores of the test, column by column and weekday."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aurify.models.split import PART
from aurify.monitoring.counting import bins_of, weekdays_of
from aurify.monitoring.profile import Bins, Profile, Weekdays, with_days_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCORE = "score"
PROFILE_FILE = "profile.json"


class Reference:
    """What batches are held against; kept with the run of the version."""

    def __init__(self, columns: Mapping[str, Weekdays]) -> None:
        self.columns = columns

    @classmethod
    def of_training(cls, parts: DataFrame, scored: DataFrame, inputs: Sequence[str], time: str) -> Reference:
        """The inputs of the rows that were learned from, and the scores of the test; four jobs."""
        learned = parts.where(f"{PART} = 'train'")
        found = weekdays_of(learned, bins_of(learned, inputs), time)
        return cls({**found, **weekdays_of(scored, bins_of(scored, [SCORE]), time)})

    @property
    def bins(self) -> dict[str, Bins]:
        """Those of each column."""
        return {name: next(iter(days.values())).bins for name, days in self.columns.items()}

    def beside(self, batch: Mapping[str, Weekdays]) -> dict[str, Profile]:
        """The profiles as if its weekdays were those of a batch."""
        return {name: with_days_of(self.columns[name], days) for name, days in batch.items() if name in self.columns}

    def as_json(self) -> str:
        """For the run."""
        told = {name: {day: each.as_dict() for day, each in days.items()} for name, days in self.columns.items()}
        return json.dumps(told)

    @classmethod
    def of_json(cls, text: str) -> Reference:
        """What `as_json` gave."""
        told = json.loads(text)
        return cls({n: {int(day): Profile.of_dict(each) for day, each in days.items()} for n, days in told.items()})
