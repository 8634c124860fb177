"""The files of the shop: two days that make every term of every balance differ from zero."""

from __future__ import annotations

import os
from pathlib import Path

HEADER = "order_no,placed_on,amount,status"
MALFORMED = "o9,2024-01-03,60,placed,a field too many"

# Name, modification time in seconds, lines. Beside each: what becomes of it.
DAY_1 = (
    (
        "first.csv",
        1_704_200_000,
        (
            "o1,2024-01-01,50,placed",
            "o2,2024-01-01,150,placed",
            "o3,2024-01-01,20,placed",
            "o4,2024-01-02,30,placed",
            "o5,2024-01-02,much,placed",  # quarantined: no number
            "o6,2024-01-02,700,placed",  # told by a warning
            "o7,2024-01-02,13,placed",  # dropped
            "o8,2024-01-03,40,placed",
            ",2024-01-03,5,placed",  # quarantined: no key
            MALFORMED,  # quarantined by bronze
            HEADER,  # dropped by bronze
        ),
    ),
    (
        "second.csv",
        1_704_210_000,
        (
            "o10,2024-01-01,80,placed",
            "o11,2024-01-04,0,placed",  # its day's band is dropped by gold
            "o12,2024-01-05,850,placed",
            "o13,2024-01-05,850,placed",  # its day's turnover is quarantined by gold
        ),
    ),
)
DAY_2 = (
    (
        "first.csv",  # delivered again: o2, o7 and o8 are gone, o5 is mended
        1_704_300_000,
        (
            "o1,2024-01-01,60,placed",
            "o3,2024-01-01,20,placed",
            "o4,2024-01-02,30,cancelled",
            "o5,2024-01-02,70,placed",
            "o6,2024-01-02,700,placed",
            MALFORMED,
            HEADER,
        ),
    ),
    (
        "third.csv",
        1_704_310_000,
        (
            "o20,2024-01-06,30,placed",  # superseded by the next line
            "o20,2024-01-06,35,placed",
            "o13,2024-01-05,100,placed",
            "o21,2024-01-06,-5,placed",  # quarantined: out of range
            "o22,2024-01-06,13,placed",  # dropped
            "o23,2024-01-07,0,placed",  # its day's band is dropped by gold
            "o24,2024-01-08,890,placed",
            "o25,2024-01-08,890,placed",  # its day's turnover is quarantined by gold
        ),
    ),
    ("late.csv", 1_704_205_000, ("o10,2024-01-01,99,placed",)),  # stale: older than the table's row
    ("twin.csv", 1_704_210_000, ("o11,2024-01-04,0,placed",)),  # unchanged: the same row once more
)
Day = tuple[tuple[str, int, tuple[str, ...]], ...]


def deliver(root: Path, day: Day) -> None:
    """Put the files of a day into the landing folder, each with its modification time."""
    folder = root / "landing" / "orders"
    folder.mkdir(parents=True, exist_ok=True)
    for name, modified, lines in day:
        (folder / name).write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        os.utime(folder / name, (modified, modified))
