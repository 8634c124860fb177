"""What `drift` compares: a reference and later rows, of 50 columns, seven of which have drifted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

NUMBERS = [f"n{place:02}" for place in range(40)]
CATEGORIES = [f"c{place}" for place in range(10)]
DRIFTED = ["c2", "c7", "n03", "n12", "n18", "n25", "n36"]
FACTOR = 1.5  # what the values of a drifted number are multiplied by
KINDS, FILE_ROWS, SEED = 20, 250_000, 7


def make(folder: str, rows: int, is_later: bool) -> None:
    """Write so many rows as Parquet; those that come later have drifted."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng(SEED + is_later)
    Path(folder).mkdir(parents=True)
    for first in range(0, rows, FILE_ROWS):
        table = pa.table(_drawn(draw, min(FILE_ROWS, rows - first), is_later))
        pq.write_table(table, f"{folder}/{first:09}.parquet")


def _drawn(draw: np.random.Generator, rows: int, is_later: bool) -> Mapping[str, Any]:
    """Amounts, ages, waiting times and counts, some of them missing; a drifted category has turned its shares round."""
    import numpy as np
    import pyarrow as pa

    found: dict[str, Any] = {}
    for place, name in enumerate(NUMBERS):
        kinds = (
            partial(draw.lognormal, 3.0, 0.8, rows),
            partial(draw.normal, 40.0, 12.0, rows),
            partial(draw.exponential, 5.0, rows),
            partial(draw.poisson, 9.0, rows),
        )
        values = np.asarray(kinds[place % 4](), np.float64)
        values *= FACTOR if is_later and name in DRIFTED else 1.0
        values[draw.random(rows) < 0.02 * (place % 3)] = np.nan
        found[name] = pa.array(values, from_pandas=True)
    shares = np.arange(1, KINDS + 1) / (KINDS * (KINDS + 1) / 2)
    names = pa.array([f"kind {kind:02}" for kind in range(KINDS)])
    for name in CATEGORIES:
        own = shares[::-1] if is_later and name in DRIFTED else shares
        found[name] = names.take(pa.array(draw.choice(KINDS, rows, p=own)))
    return found
