"""The rival's look at each new file before Spark reads it: plain standard library, one pass, bounded memory."""

from __future__ import annotations

import codecs
import csv
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 18
GZIP_MAGIC = b"\x1f\x8b"
OTHER_MAGICS = (GZIP_MAGIC, b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"%PDF-")


@dataclass(frozen=True)
class SourceFile:
    """One version of one file."""

    name: str
    size: int
    modified_ms: int
    sha256: str = ""


class BadFile(Exception):
    """What is wrong with a file."""


def check_all(folder: Path, files: Sequence[SourceFile]) -> tuple[list[SourceFile], dict[str, str]]:
    """The files that may enter a batch, with their hashes; and what is wrong with the others, by name."""
    good: list[SourceFile] = []
    bad: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        for file, (sha256, problem) in zip(files, pool.map(lambda f: _checked(folder, f), files), strict=True):
            if problem:
                bad[file.name] = problem
            else:
                good.append(SourceFile(file.name, file.size, file.modified_ms, sha256))
    return good, bad


def _checked(folder: Path, file: SourceFile) -> tuple[str, str]:
    try:
        return _sha256(folder / file.name, file), ""
    except (BadFile, OSError, zlib.error, UnicodeDecodeError) as error:
        return "", f"{type(error).__name__}: {error}"


def _sha256(path: Path, file: SourceFile) -> str:
    if file.size == 0:
        raise BadFile("a file of zero bytes")
    hashed = hashlib.sha256()
    with path.open("rb") as raw:
        _check_text(_unpacked(raw_chunks(raw, hashed)) if file.name.endswith(".gz") else raw_chunks(raw, hashed))
    stat = path.stat()
    if (stat.st_size, stat.st_mtime_ns // 1_000_000) != (file.size, file.modified_ms):
        raise BadFile("it changed while it was read")
    return hashed.hexdigest()


def raw_chunks(raw: BinaryIO, hashed: hashlib._Hash) -> Iterator[bytes]:
    """The bytes of the file, hashed as they pass."""
    while chunk := raw.read(CHUNK):
        hashed.update(chunk)
        yield chunk


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip file of one or more members; BadFile where it is no gzip or cut off."""
    member = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if member is None or member.eof:
                if not rest.startswith(GZIP_MAGIC[: len(rest)]):
                    raise BadFile("no gzip magic")
                member = zlib.decompressobj(31)
            yield member.decompress(rest)
            rest = member.unused_data
    if member is None or not member.eof:
        raise BadFile("a truncated gzip file")


def _check_text(chunks: Iterable[bytes]) -> None:
    """See that it is UTF-8 text under the expected header."""
    decode = codecs.getincrementaldecoder("utf-8")("strict").decode
    start, seen_header, whole = b"", False, True
    for chunk in chunks:
        if not seen_header:
            start += chunk
            if b"\n" not in start:
                continue
            chunk, seen_header = start, True
            _check_start(start)
        if 0 in chunk:
            raise BadFile("a NUL byte")
        if not (whole and chunk.isascii()):
            decode(chunk)
            whole = False
    decode(b"", final=True)
    if not seen_header:
        _check_start(start)


def _check_start(start: bytes) -> None:
    if start.startswith(OTHER_MAGICS):
        raise BadFile("it is no text")
    line = start.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n \t").split(b"\n", 1)[0].decode().rstrip("\r")
    found = next(csv.reader([line]), [])
    if found != HEADER:
        raise BadFile(f"the header {found}, not {HEADER}")


HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
