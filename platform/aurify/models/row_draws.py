"""What is drawn for a row by a hash of its keys: the same wherever the row lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aurify.config.names import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column

_BITS = 53
_SEEN_AT_ALL = 1e-12


def drawn(by: Sequence[str], seed: int, purpose: str) -> Column:
    """A number from 0 to 1, evenly spread; draws for two purposes have nothing to do with each other."""
    from pyspark.sql import functions as F

    hashed = F.xxhash64(*(F.col(quoted(name)) for name in by), F.lit(seed), F.lit(purpose))
    return F.shiftrightunsigned(hashed, 64 - _BITS) / F.lit(float(1 << _BITS))


def poisson(number: Column, mean: float) -> Column:
    """How often a row is in a bootstrap sample: the inverse of the Poisson distribution, taken of `number`."""
    from pyspark.sql import functions as F

    count = F.lit(0)
    for limit in _cumulated(mean):
        count = count + (number >= F.lit(limit)).cast("int")
    return count


def _cumulated(mean: float) -> list[float]:
    """The chance of 0, of 1 at most, of 2 at most and so on.

    >>> [round(chance, 3) for chance in _cumulated(1.0)[:4]]
    [0.368, 0.736, 0.92, 0.981]
    """
    chance = math.exp(-mean)
    found = [chance]
    while 1 - found[-1] > _SEEN_AT_ALL and chance > 0:
        chance *= mean / len(found)
        found.append(found[-1] + chance)
    return found
