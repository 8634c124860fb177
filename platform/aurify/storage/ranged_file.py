"""A file of a remote store as Python's own buffers expect one."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class RangedFile(io.RawIOBase):
    """A file whose bytes are fetched by range: `ranged(start, length)` gives exactly those."""

    def __init__(self, size: int, ranged: Callable[[int, int], bytes]) -> None:
        self._size = size
        self._ranged = ranged
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer).cast("B")
        wanted = min(len(room), max(self._size - self._at, 0))
        if wanted:
            room[:wanted] = self._ranged(self._at, wanted)
            self._at += wanted
        return wanted
