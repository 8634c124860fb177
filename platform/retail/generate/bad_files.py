"""Files that must not enter a batch: one of each kind that the check of new files tells apart."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from retail.generate.faults import HEADER
from retail.generate.schedule import Tills


def bad_files(tills: Tills) -> dict[str, tuple[str, bytes]]:
    """Name and content by kind; they lie beside the first day's files, and none of their lines may be read."""
    day = tills.start.isoformat()
    return {kind: (f"{day}-{kind.replace('_', '-')}.csv.gz", make(_lines(day))) for kind, make in _KINDS.items()}


def _lines(day: str) -> list[str]:
    line = f"22423,CAFÉ CAKESTAND,1,{day} 10:00:00,12.75,17850.0,France"
    return [",".join(HEADER), *(f"{900_000 + n},{line}" for n in range(500))]


def _gzipped(lines: list[str], encoding: str = "UTF-8") -> bytes:
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(encoding), mtime=0)


def _truncated(lines: list[str]) -> bytes:
    whole = _gzipped(lines)
    return whole[: len(whole) // 2]


def _wrong_header(lines: list[str]) -> bytes:
    swapped = ",".join([*HEADER[:3], HEADER[4], HEADER[3], *HEADER[5:]])
    return _gzipped([swapped, *lines[1:]])


_KINDS: dict[str, Callable[[list[str]], bytes]] = {
    "truncated": _truncated,
    "wrong_header": _wrong_header,
    "zero_bytes": lambda lines: b"",
    "wrong_magic": lambda lines: "\n".join(lines).encode(),
    "wrong_encoding": lambda lines: _gzipped(lines, "ISO-8859-1"),
}
