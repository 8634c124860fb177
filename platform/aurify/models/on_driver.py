"""A Python estimator trained on the driver, for data that is declared to be small."""

from __future__ import annotations

import time
from dataclasses import dataclass

from aurify.errors import ConfigurationError, Problem
from aurify.models.estimator import Learning
from aurify.models.python_model import PythonModel, in_order, taught
from aurify.models.python_reference import Python
from aurify.models.python_rows import prepared, refuse_misfits
from aurify.models.time_limit import stopped

WHERE = "OnDriver"


@dataclass(frozen=True)
class OnDriver:
    """All rows come to the driver, `most_rows` at most; codes are read as the numbers that they are.

    A time limit is read before the estimator's own `fit` begins, which nothing interrupts.
    """

    estimator: Python
    most_rows: int = 100_000

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with the estimator and the number of rows."""
        problems = self.estimator.problems(f"{where}: estimator")
        if self.most_rows < 1:
            problems.append(Problem(where, str(self.most_rows), "1 or more", key="most_rows"))
        return problems

    def fit(self, learning: Learning) -> PythonModel:
        """ConfigurationError: more rows than declared, or what the estimator says against them."""
        begun = time.monotonic()
        refuse_misfits(WHERE, learning, learning.features)
        count = learning.rows.count()
        if count > self.most_rows:
            expected = f"{self.most_rows:,} at most"
            hint = "raise most_rows if the driver has the memory, or train by group or on Spark"
            raise ConfigurationError.of(WHERE, f"{count:,} rows", expected, hint)
        rows = in_order(learning.rows.select(*prepared(learning, learning.features)).toPandas())
        if learning.time_limit is not None and time.monotonic() - begun >= learning.time_limit.total_seconds():
            raise stopped(WHERE, "rows read", learning.time_limit)
        try:
            return taught(self.estimator, learning.features, rows, learning.seed)
        except Exception as error:
            expected = f"{count:,} rows that {self.estimator.path} learns from"
            raise ConfigurationError.of(WHERE, f"{type(error).__name__}: {error}", expected) from error
