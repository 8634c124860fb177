"""Bootstrap weights from hashes: the same for the same unit, replicate and seed, wherever and whenever computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
_GOLDEN = 0x9E3779B97F4A7C15
_DRAWS_OF_A_HASH = 4


@dataclass(frozen=True)
class Draws:
    """How many replicates are drawn, and from which seed."""

    replicates: int = 0
    seed: int = 0

    @property
    def weightings(self) -> int:
        """The rows as they are, and the replicates."""
        return 1 + self.replicates

    def weights(self, units: NDArray[np.int64]) -> NDArray[np.float64]:
        """How often each unit is in the rows as they are, once, and in each replicate: Poisson with mean 1.

        A replicate's weights are those of the Poisson bootstrap (Chamandy et al. 2012, "Estimating uncertainty for
        massive data streams"), to sixteen bits.
        """
        weights = np.ones((len(units), self.weightings))
        if self.replicates:
            blocks = np.arange(-(-self.replicates // _DRAWS_OF_A_HASH), dtype=np.uint64)
            seed = np.array([self.seed % (1 << 64)], dtype=np.uint64)
            hashed = _mixed(_mixed(units.view(np.uint64))[:, None] ^ _mixed(_mixed(seed) + blocks))
            weights[:, 1:] = _poisson()[hashed.view(np.uint16)[:, : self.replicates]]
        return weights


def _mixed(bits: Bits) -> Bits:
    """SplitMix64's step (Steele, Lea and Flood 2014)."""
    bits = bits + np.uint64(_GOLDEN)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Bits = bits ^ (bits >> np.uint64(31))
    return mixed


@cache
def _poisson() -> NDArray[np.float64]:
    """The draw for each of the 65,536 values of sixteen bits."""
    below = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(12)])
    return np.searchsorted(np.rint(below * 65_536), np.arange(65_536), side="right").astype(np.float64)
