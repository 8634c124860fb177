"""Looking at every new file once, before it enters a batch: what is broken is named and left out, the rest goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from aurify.sources.csv_check import csv_records
from aurify.sources.fault import Fault, FileProblem
from aurify.sources.listing import WILDCARD_CHARACTER, SourceFile, file_uri, open_file, stat_file
from aurify.sources.parquet_check import parquet_records

if TYPE_CHECKING:
    from aurify.sources.folder import FolderOptions

# Small enough for the processor's own memory, where the passes over a chunk are fast.
_CHUNK = 1 << 18


@dataclass(frozen=True)
class CheckedFile:
    """One file that may enter a batch; `records` is the number of rows that Spark will read from it."""

    path: str
    size: int
    modified_ms: int
    sha256: str
    records: int


def check_file(root: Path | str, file: SourceFile, options: FolderOptions) -> CheckedFile | FileProblem:
    """Read the file once, in bounded memory, and say what it holds or why it is left out."""
    try:
        _check_name(root, file.path)
        sha256, records = _looked_through(root, file, options)
        _check_still(file, stat_file(root, file.path))
        return CheckedFile(file.path, file.size, file.modified_ms, sha256, records)
    except Fault as fault:
        said = (fault.kind, fault.found, fault.expected, fault.hint)
        return FileProblem(file.path, file.size, file.modified_ms, *said)
    except OSError as error:
        found = error.strerror or str(error)
        hint = "look at its owner and its permissions"
        return FileProblem(file.path, file.size, file.modified_ms, "unreadable", found, "a file that can be read", hint)


def check_files(
    root: Path | str, files: Sequence[SourceFile], options: FolderOptions, workers: int = 2
) -> tuple[list[CheckedFile], list[FileProblem]]:
    """Check all files, some at once; gives the good ones and the others, each in the order of `files`."""
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(files)))) as pool:
        results = list(pool.map(lambda file: check_file(root, file, options), files))
    good = [result for result in results if isinstance(result, CheckedFile)]
    return good, [result for result in results if isinstance(result, FileProblem)]


def _looked_through(root: Path | str, file: SourceFile, options: FolderOptions) -> tuple[str, int]:
    if file.size == 0:
        raise Fault("zero_bytes", "a file of zero bytes", "a whole file", "deliver it again")
    with open_file(root, file.path) as raw:
        reading = _Hashed(raw)
        if options.format == "csv":
            records = csv_records(reading.chunks(), file.path, options)
        else:
            for _ in reading.chunks():
                pass
            raw.seek(0)
            records = parquet_records(raw, options)
    if reading.size != file.size:
        raise _changed(f"{reading.size} bytes", f"{file.size} bytes")
    return reading.sha256, records


class _Hashed:
    """The bytes of a file, and the hash of those that were read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._hash = hashlib.sha256()
        self.size = 0

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._raw.read(_CHUNK):
            self._hash.update(chunk)
            self.size += len(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def _check_name(root: Path | str, path: str) -> None:
    whole = file_uri(root, path).removeprefix("file://")
    try:
        whole.encode()
    except UnicodeEncodeError:
        found = f"a name that is not UTF-8: {path.encode(errors='surrogateescape')!r}"
        raise Fault("unreadable_name", found, "a name that Java and JSON can hold", "rename it") from None
    if ":" in whole and (found_character := WILDCARD_CHARACTER.search(whole)):
        found = f"':' and '{found_character.group()}' in {whole}"
        raise Fault("unreadable_name", found, "not both, which Hadoop can't take apart", "rename it")


def _check_still(before: SourceFile, after: SourceFile) -> None:
    if before != after:
        found = f"{after.size} bytes of {after.modified_ms} ms"
        raise _changed(found, f"{before.size} bytes of {before.modified_ms} ms")


def _changed(found: str, expected: str) -> Fault:
    hint = "it is still being written; the next refresh looks again"
    return Fault("changed", found, f"{expected}, as it was listed", hint)
