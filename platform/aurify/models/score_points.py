"""A score card: points for the bin that each feature of a row lies in, and the probability that they stand for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from aurify.models.columns import Columns, Numbers
from aurify.models.score_bins import Bins

CARD = "card.json"


@dataclass(frozen=True)
class Scale:
    """`base_points` at odds of `base_odds` goods to a bad, and so many more where the odds are twice as good."""

    base_points: float
    base_odds: float
    points_to_double: float

    @property
    def factor(self) -> float:
        """Points for each unit of log odds."""
        return self.points_to_double / math.log(2.0)

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.base_points - self.factor * math.log(self.base_odds)


@dataclass(frozen=True)
class CardRow:
    """A bin of the card; `share` and `bad_rate` are those in training, `bad_rate` None where no row was in it."""

    feature: str
    bin: str
    share: float
    bad_rate: float | None
    woe: float
    iv: float
    coefficient: float
    points: float


@dataclass(frozen=True)
class Part:
    """A feature of the card, with its coefficient in the log odds of label 1."""

    feature: str
    bins: Bins
    coefficient: float


@dataclass(frozen=True)
class ScorePoints:
    """The features of the card; `left_out` has the information value of those that tell too little.

    A missing value where training had none has the weight of evidence 0, as if it were not known.
    """

    parts: tuple[Part, ...]
    intercept: float
    scale: Scale
    smoothing: float
    left_out: Mapping[str, float]
    kind: ClassVar[str] = "score_card"

    @property
    def features(self) -> tuple[str, ...]:
        """The features of the card; those that were left out need not be there."""
        return tuple(part.feature for part in self.parts)

    def predict(self, columns: Columns) -> Numbers:
        """The probability of 1, the bad."""
        return np.asarray(np.exp(-np.logaddexp(0.0, -self._log_odds(columns))), np.float64)

    def points(self, columns: Columns) -> Numbers:
        """The points of every row, not rounded: the sum of its points in the card; more is better."""
        return self.scale.offset - self.scale.factor * self._log_odds(columns)

    def card(self) -> tuple[CardRow, ...]:
        """The card, feature by feature: -(woe x coefficient + intercept / n) x factor + offset / n points for a bin.

        That is the scaling of Siddiqi, Credit Risk Scorecards (2006), chapter 6, where n is the number of features.
        """
        return tuple(row for part in self.parts for row in self._rows(part))

    def importance(self) -> Mapping[str, float]:
        """The share of each feature in the spread of points: their standard deviation over the rows of training."""
        spread = {part.feature: self._spread(part) for part in self.parts}
        whole = sum(spread.values()) or 1.0
        return {name: value / whole for name, value in spread.items()}

    def files(self) -> dict[str, bytes]:
        """All its values."""
        return {CARD: json.dumps(asdict(self), indent=1).encode()}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> ScorePoints:
        """What `files` gave."""
        told = json.loads(files[CARD])
        parts = tuple(
            Part(
                part["feature"],
                Bins(**{name: tuple(given) for name, given in part["bins"].items()}),
                part["coefficient"],
            )
            for part in told["parts"]
        )
        return cls(parts, told["intercept"], Scale(**told["scale"]), told["smoothing"], told["left_out"])

    def _log_odds(self, columns: Columns) -> Numbers:
        rows = len(next(iter(columns.values()))) if columns else 0
        found = np.full(rows, self.intercept)
        for part in self.parts:
            values = np.asarray(columns[part.feature], np.float64)
            found += (part.coefficient * part.bins.woe(self.smoothing))[part.bins.places(values)]
        return found

    def _rows(self, part: Part) -> list[CardRow]:
        bins = part.bins
        count, woe, iv = len(self.parts), bins.woe(self.smoothing), bins.parts_of_iv(self.smoothing)
        points = self.scale.offset / count - self.scale.factor * (woe * part.coefficient + self.intercept / count)
        found = []
        for place, (text, share) in enumerate(zip(bins.texts(), bins.shares(), strict=True)):
            good, bad = bins.goods[place], bins.bads[place]
            rate = bad / (good + bad) if good + bad else None
            numbers = float(woe[place]), float(iv[place]), part.coefficient, float(points[place])
            found.append(CardRow(part.feature, text, float(share), rate, *numbers))
        return found

    def _spread(self, part: Part) -> float:
        woe, shares = part.bins.woe(self.smoothing), part.bins.shares()
        variance = float(shares @ (woe - shares @ woe) ** 2)
        return abs(part.coefficient) * math.sqrt(variance)
