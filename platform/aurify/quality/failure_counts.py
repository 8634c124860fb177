"""How often each check failed, from the masks in the staged files; files without a set bit are not opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq

from aurify.quality.gate import BITS, Check, mask_columns


def failure_counts(files: Sequence[str], checks: Sequence[Check]) -> dict[str, int]:
    """The number of rows that failed each check, by id, over Parquet files that `assay` made."""
    masks = mask_columns(checks)
    totals = np.zeros(len(checks), dtype=np.int64)
    for path in files:
        with pq.ParquetFile(path) as file:
            wanted = [mask for mask in masks if not _is_empty(file, mask)]
            if not wanted:
                continue
            for batch in file.iter_batches(columns=wanted):
                for mask in wanted:
                    _count(batch.column(mask).drop_null().to_numpy(zero_copy_only=False), masks.index(mask), totals)
    return {check.id: int(total) for check, total in zip(checks, totals, strict=True)}


def _is_empty(file: pq.ParquetFile, column: str) -> bool:
    """Whether the footer says that a column holds NULLs only."""
    names = [file.schema.column(i).path for i in range(len(file.schema))]
    place = names.index(column)
    chunks = [file.metadata.row_group(g).column(place) for g in range(file.num_row_groups)]
    return all(c.statistics is not None and c.statistics.null_count == c.num_values for c in chunks)


def _count(values: np.ndarray, mask: int, totals: np.ndarray) -> None:
    """Add the rows of each bit of one mask."""
    for bit in range(min(BITS, len(totals) - mask * BITS)):
        totals[mask * BITS + bit] += int(np.count_nonzero(values & np.int64(1 << bit)))
