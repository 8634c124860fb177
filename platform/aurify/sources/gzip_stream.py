"""Decompressing gzip in bounded memory, with every fault named."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from aurify.sources.fault import Fault

MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31
_AT_MOST = 1 << 20


def decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip file of one or more members, at most a MiB at a time; Fault if it is not whole."""
    member = None
    for chunk in chunks:
        if member is None:
            _check_magic(chunk)
            member = zlib.decompressobj(_GZIP_FORMAT)
        while True:
            if member.eof:
                member = _next_member(chunk)
            text = _inflated(member, chunk)
            if text:
                yield text
            chunk = member.unused_data if member.eof else member.unconsumed_tail
            if not chunk and (member.eof or len(text) < _AT_MOST):
                break
    if member is not None and not member.eof:
        raise Fault("truncated", "a gzip file that ends in the middle", "a whole gzip file", "deliver it again")


def _check_magic(start: bytes) -> None:
    if not start.startswith(MAGIC[: len(start)]):
        found = f"a file that begins with {start[:4]!r}"
        raise Fault("wrong_magic", found, "gzip, by the name", "compress it, or take .gz from its name")


def _next_member(rest: bytes) -> zlib._Decompress:
    if not rest.startswith(MAGIC[: len(rest)]):
        raise Fault("corrupt", f"{rest[:4]!r} after the end of the gzip data", "nothing more", "deliver it again")
    return zlib.decompressobj(_GZIP_FORMAT)


def _inflated(member: zlib._Decompress, data: bytes) -> bytes:
    try:
        return member.decompress(data, _AT_MOST)
    except zlib.error as error:
        reason = str(error).rpartition(": ")[2]
        raise Fault(
            "corrupt", f"gzip data that can't be decompressed ({reason})", "whole data", "deliver it again"
        ) from error
