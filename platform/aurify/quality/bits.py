"""Which bits of the masks belong to which check, and how many rows have each of them set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aurify.publish.staged import StagedFile
from aurify.storage import parquet_file

if TYPE_CHECKING:
    from aurify.quality.gate import Check

MASK = "_mask"
IS_MASK = re.compile(rf"{MASK}\d+")
WIDTH = 62
UNJUDGED = 1 << WIDTH  # in the first mask: a row that no check looked at


@dataclass(frozen=True)
class Slot:
    """The bits of one check, all in one mask and at most one of them set in a row; 0 where there is no such bit.

    `outside`: the row does not meet the rule's row_condition; `skipped`: its NULLs make the rule pass over it;
    `unknown`: the answer is NULL, so it passes.
    """

    mask: int
    failed: int
    outside: int
    skipped: int
    unknown: int

    @property
    def column(self) -> str:
        """The mask that holds the bits."""
        return f"{MASK}{self.mask}"

    @property
    def bits(self) -> tuple[int, int, int, int]:
        """All of them, as in a tally."""
        return self.failed, self.outside, self.skipped, self.unknown


@dataclass(frozen=True)
class Tally:
    """Rows of a batch by what one check made of them; those without any bit passed."""

    failed: int = 0
    outside: int = 0
    skipped: int = 0
    unknown: int = 0


def slots_of(checks: Sequence[Check]) -> list[Slot]:
    """The bits of every check, in order; a mask holds as many checks as fit whole."""
    slots: list[Slot] = []
    mask, at = 0, 0
    for check in checks:
        wanted = (True, check.meets is not None, check.looked_at is not None, check.undetermined)
        if at + sum(wanted) > WIDTH:
            mask, at = mask + 1, 0
        bits = []
        for is_wanted in wanted:
            bits.append(1 << at if is_wanted else 0)
            at += is_wanted
        slots.append(Slot(mask, *bits))
    return slots


def mask_columns(checks: Sequence[Check]) -> list[str]:
    """The names of the columns that hold the bits of these checks."""
    return list(dict.fromkeys(slot.column for slot in slots_of(checks)))


def tallies(files: Sequence[StagedFile], checks: Sequence[Check]) -> tuple[dict[str, Tally], int]:
    """The rows of each check by its bits, and the rows that none looked at, over files of the gate.

    Files without a set bit are not opened.
    """
    masks = mask_columns(checks)
    values: dict[str, Counter[int]] = {mask: Counter() for mask in masks}
    for staged in files:
        wanted = [mask for mask in masks if has_bits(staged, mask)]
        if not wanted:
            continue
        with parquet_file(staged.path) as file:
            for batch in file.iter_batches(columns=wanted):
                for mask in wanted:
                    values[mask].update(_counted(batch.column(mask)))
    counted = {
        check.id: Tally(*(_rows(values[slot.column], bit) for bit in slot.bits))
        for check, slot in zip(checks, slots_of(checks), strict=True)
    }
    return counted, _rows(values[masks[0]], UNJUDGED) if masks else 0


def has_bits(file: StagedFile, mask: str) -> bool:
    """Whether the footer says that some row of the file has a bit of the mask."""
    told = file.column(mask)
    return told is not None and told.nulls < file.records


def _counted(masks: pa.Array) -> dict[int, int]:
    """How many rows have each value that is not NULL."""
    found = masks.drop_null().to_numpy(zero_copy_only=False)
    values, rows = np.unique(found, return_counts=True)
    return dict(zip(values.tolist(), rows.tolist(), strict=True))


def _rows(values: Counter[int], bit: int) -> int:
    return sum(rows for value, rows in values.items() if value & bit)
