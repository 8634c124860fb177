"""Card precision at k: how many of the cards that are looked at each day are compromised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from aurify.config.names import quoted
from aurify.errors import Problem
from aurify.models.intervals import Interval, interval_of
from aurify.models.replicates import Draws
from aurify.models.scored import Frame

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_DAYS = ("date", "byte", "short", "integer", "long")


@dataclass(frozen=True)
class DayPrecision:
    """Of one day: the cards looked at, k or all there are; those of them found; their share of k."""

    day: Any
    looked_at: int
    found: int
    precision: float


@dataclass(frozen=True)
class CardPrecision:
    """The mean of the days' precision, and each day's."""

    mean: float
    by_day: tuple[DayPrecision, ...]

    def interval(self, replicates: int = 200, level: float = 0.95, seed: int = 0) -> Interval:
        """The percentile bootstrap interval of the mean, days being drawn; that they hang together is not seen."""
        weights = Draws(replicates, seed).weights(np.arange(len(self.by_day)))
        days = np.array([day.precision for day in self.by_day])
        with np.errstate(invalid="ignore"):
            means = days @ weights / weights.sum(axis=0)
        return interval_of("card_precision_top_k", means, level)


def card_precision_top_k(
    rows: DataFrame,
    k: int = 100,
    *,
    day: str,
    card: str,
    label: str = "label",
    score: str = "score",
    remove_detected: bool = True,
) -> CardPrecision:
    """Each day's k cards of the highest score, ties in the order of the card: how many of k have a positive that day.

    As in the Fraud Detection Handbook (Le Borgne et al. 2022) a card found on one day is left out of all later ones,
    and the share is of k even where a day has fewer cards. Two actions. The driver gets k cards a day, and of those
    with a positive on an earlier day the ones that rank among them; a day's cards are ranked in one task.
    """
    frame = Frame("card_precision_top_k", rows, label, (score,), keys=(day, card))
    frame.summary(_of_choices(frame, k, day))
    contenders = _contenders(_cards_by_day(frame, day, card), k, remove_detected).collect()
    ranked = sorted(contenders, key=lambda row: (row.day, row.rank))
    by_day = tuple(_days(((row.day, row.card, row.is_positive) for row in ranked), k, remove_detected))
    return CardPrecision(sum(found.precision for found in by_day) / len(by_day), by_day)


def _cards_by_day(frame: Frame, day: str, card: str) -> DataFrame:
    """A row for each card and day, with the highest score and whether it has a positive."""
    from pyspark.sql import functions as F

    read = frame.rows.select(
        F.col(quoted(day)).alias("day"),
        F.col(quoted(card)).alias("card"),
        frame.score_column(frame.scores[0]).alias("score"),
        (frame.label_column() == 1.0).alias("is_positive"),
    )
    return read.groupBy("day", "card").agg(F.max("score").alias("score"), F.max("is_positive").alias("is_positive"))


def _contenders(cards: DataFrame, k: int, remove_detected: bool) -> DataFrame:
    """The cards that rank among the best k of their day, whichever cards are left out by then.

    Only a card with a positive on an earlier day can have been found. So a card is no contender once k cards rank
    better that can't have been.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    stays = _stays() if remove_detected else F.lit(1)
    best_first = Window.partitionBy("day").orderBy(F.col("score").desc(), F.col("card").asc())
    better = best_first.rowsBetween(Window.unboundedPreceding, -1)
    return (
        cards.withColumn("stays", stays)
        .withColumn("staying_better", F.coalesce(F.sum("stays").over(better), F.lit(0)))
        .withColumn("rank", F.row_number().over(best_first))
        .where(F.col("staying_better") < k)
        .select("day", "rank", "card", "is_positive")
    )


def _stays() -> Column:
    """1 where the card has no positive on an earlier day."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    first = F.min(F.when(F.col("is_positive"), F.col("day"))).over(Window.partitionBy("card"))
    return F.coalesce(F.col("day") <= first, F.lit(True)).cast("int")


def _days(ranked: Iterable[tuple[Any, Any, bool]], k: int, remove_detected: bool) -> Iterator[DayPrecision]:
    found: set[Any] = set()
    for day, cards in groupby(ranked, key=lambda row: row[0]):
        looked_at = [(card, is_positive) for _, card, is_positive in cards if card not in found][:k]
        found_today = {card for card, is_positive in looked_at if is_positive}
        if remove_detected:
            found |= found_today
        yield DayPrecision(day, len(looked_at), len(found_today), len(found_today) / k)


def _of_choices(frame: Frame, k: int, day: str) -> list[Problem]:
    problems = []
    if k < 1:
        problems.append(Problem(frame.where, f"k {k}", "1 or more cards a day"))
    if day in frame.rows.columns and frame.rows.schema[day].dataType.typeName() not in _DAYS:
        kind = frame.rows.schema[day].dataType.simpleString()
        problems.append(Problem(frame.where, f"day {day} is {kind}", "a date, or the number of a day"))
    return problems
