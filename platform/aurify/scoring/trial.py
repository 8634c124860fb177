"""Two versions that decide on different entities: how their rates differ, how sure that is, how many it would take.

Rows of one entity hang together and are decided on by one version, so the entity is what is drawn. A rate is a ratio of
sums over entities, with its variance by linearisation (Cochran, "Sampling Techniques", 1977, 2.11).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist

RATES: Mapping[str, str] = {
    "precision": "frauds, or whatever is looked for, among the rows that something was decided on",
    "recall": "rows that something was decided on among those that were looked for",
    "flagged": "rows that something was decided on among all",
}
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Sums:
    """Over entities: how many there are, and sums, squares and products of hits and rows, an entity each."""

    entities: int
    hits: float
    rows: float
    hits_squared: float
    hits_by_rows: float
    rows_squared: float

    @property
    def rate(self) -> float | None:
        """Hits by rows; None without rows."""
        return self.hits / self.rows if self.rows else None

    @property
    def spread(self) -> float | None:
        """The variance of the rate times the number of entities; None where it can't be told."""
        rate = self.rate
        if rate is None or self.entities < 2:
            return None
        residuals = self.hits_squared - 2 * rate * self.hits_by_rows + rate * rate * self.rows_squared
        mean_rows = self.rows / self.entities
        return max(residuals, 0.0) / (self.entities - 1) / mean_rows**2


@dataclass(frozen=True)
class Trial:
    """The rate of the challenger less that of the champion, between `low` and `high` at `level`.

    `p_value` is two-sided, of no difference. `power` is the chance to have found a difference of `effect` with these
    entities, `entities_needed` how many of each version it would take to find it with `wanted_power`. None: there is
    too little to tell.
    """

    rate: str
    champion: float | None
    challenger: float | None
    entities: tuple[int, int]
    rows: tuple[int, int]
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    level: float
    effect: float
    power: float | None
    wanted_power: float
    entities_needed: int | None

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {**asdict(self), "is_significant": self.is_significant}


def tried(
    rate: str, champion: Sums, challenger: Sums, *, effect: float = 0.05, level: float = 0.95, power: float = 0.8
) -> Trial:
    """Compare two versions by the sums of their entities; `effect` is a difference of rates worth finding.

    >>> one = Sums(100, 50, 100, 50, 50, 100)  # 100 entities of one row, half of them hits
    >>> tried("precision", one, one, effect=0.1).entities_needed
    397
    """
    spreads = (champion.spread, challenger.spread)
    unsure = 1 - (1 - level) / 2
    limit = _NORMAL.inv_cdf(unsure)
    sizes = (champion.entities, challenger.entities)
    same = {
        "rate": rate,
        "champion": champion.rate,
        "challenger": challenger.rate,
        "entities": sizes,
        "rows": (int(champion.rows), int(challenger.rows)),
        "level": level,
        "effect": effect,
        "wanted_power": power,
    }
    if spreads[0] is None or spreads[1] is None or champion.rate is None or challenger.rate is None:
        nothing = dict.fromkeys(("difference", "low", "high", "p_value", "power", "entities_needed"))
        return Trial(**same, **nothing)  # type: ignore[arg-type]
    difference = challenger.rate - champion.rate
    error = math.sqrt(spreads[0] / sizes[0] + spreads[1] / sizes[1])
    needed = (limit + _NORMAL.inv_cdf(power)) ** 2 * (spreads[0] + spreads[1]) / effect**2
    return Trial(
        **same,  # type: ignore[arg-type]
        difference=difference,
        low=difference - limit * error,
        high=difference + limit * error,
        p_value=1.0 if not error else 2 * (1 - _NORMAL.cdf(abs(difference) / error)),
        power=1.0 if not error else _NORMAL.cdf(effect / error - limit),
        entities_needed=math.ceil(needed),
    )
