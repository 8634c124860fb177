"""Pseudo-random numbers that depend on what they are for, and on nothing else."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bits = NDArray[np.uint64]
Flags = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SLICE = np.uint64(0xFFFFF)


@dataclass(frozen=True)
class Draw:
    """One hash for each line (SplitMix64): three slices of 20 bits, each good for one number."""

    bits: Bits

    @classmethod
    def of(cls, seed: int, purpose: str, *numbers: Ints) -> Draw:
        """The hashes of the given numbers, for one purpose under one seed."""
        start = np.uint64((seed * 0x100000001 + zlib.crc32(purpose.encode())) % 2**64)
        bits = _mixed(np.full(1, start))
        for number in numbers:
            bits = _mixed(bits ^ (number.astype(np.uint64) * _GOLDEN))
        return cls(bits)

    def below(self, limit: int, slice: int = 0) -> Ints:
        """A whole number from 0 to `limit` - 1 out of a slice."""
        part = (self.bits >> np.uint64(20 * slice)) & _SLICE
        number: Ints = (part % np.uint64(limit)).astype(np.int64)
        return number

    def one_in(self, many: int, slice: int = 0) -> Flags:
        """Whether something happens that happens once in so many times."""
        happens: Flags = self.below(many, slice) == 0
        return happens


def _mixed(bits: Bits) -> Bits:
    bits = bits + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX[1]
    mixed: Bits = bits ^ (bits >> np.uint64(31))
    return mixed
