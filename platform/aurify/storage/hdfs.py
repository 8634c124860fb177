"""HDFS, by the pure client `hdfs-native`: it needs no Java, and takes HADOOP_CONF_DIR and HADOOP_USER_NAME."""

from __future__ import annotations

import io
import posixpath
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from aurify.storage.file_stat import FileStat
from aurify.storage.paths import inside

if TYPE_CHECKING:
    from hdfs_native import Client, FileStatus

# Python's own reads are small; the ranges of a Parquet file are read as they are asked for.
BUFFER = 1 << 16
PIECE = 1 << 22


class HdfsStore:
    """Files are created by a rename that refuses to overwrite: the NameNode lets one of two win."""

    def __init__(self, authority: str) -> None:
        self._authority = authority
        self._client = _client(authority)

    def create(self, path: str, content: bytes) -> bool:
        target = inside(path)
        draft = self._draft(target, [content])
        try:
            self._client.rename(draft, target, overwrite=False)
        except FileExistsError:
            self._client.delete(draft)
            return False
        return True

    def write(self, path: str, content: bytes) -> None:
        target = inside(path)
        self._client.rename(self._draft(target, [content]), target, overwrite=True)

    def _draft(self, target: str, pieces: Iterable[bytes]) -> str:
        from hdfs_native import WriteOptions

        folder, name = posixpath.split(target)
        draft = f"{folder}/.{name}.{uuid.uuid4().hex}.tmp"
        try:
            with self._client.create(draft, WriteOptions(create_parent=True)) as out:
                for piece in pieces:
                    out.write(piece)
        except OSError:
            self._client.delete(draft)
            raise
        return draft

    def upload(self, file: Path, path: str) -> None:
        target = inside(path)
        with file.open("rb") as content:
            draft = self._draft(target, iter(lambda: content.read(PIECE), b""))
        self._client.rename(draft, target, overwrite=True)

    def read(self, path: str) -> bytes | None:
        try:
            return self._client.read(inside(path)).read()
        except FileNotFoundError:
            return None

    def open(self, path: str) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(self._client.read(inside(path)), BUFFER))

    def stat(self, path: str) -> FileStat | None:
        found = self._status(path)
        return None if found is None or found.isdir else FileStat(found.length, found.modification_time)

    def names(self, path: str) -> list[str]:
        names = (posixpath.basename(entry.path) for entry in self._entries(path))
        return sorted(name for name in names if not name.startswith("."))

    def exists(self, path: str) -> bool:
        return self._status(path) is not None

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        for entry in sorted(self._entries(path, recursive=True), key=lambda found: found.path):
            name = posixpath.basename(entry.path)
            if not entry.isdir and name.endswith(suffix) and not name.startswith((".", "_")):
                yield f"{self._authority}{entry.path}", entry.length, entry.modification_time

    def move(self, source: str, target: str) -> None:
        there = inside(target)
        self._client.mkdirs(posixpath.dirname(there), create_parent=True)
        self._client.rename(inside(source), there, overwrite=True)

    def age_seconds(self, path: str) -> float:
        own = self._client.get_file_info(inside(path))
        entries = self._entries(path) if own.isdir else []
        return time.time() - max(found.modification_time for found in (own, *entries)) / 1000

    def remove(self, path: str) -> None:
        self._client.delete(inside(path), recursive=True)

    def _status(self, path: str) -> FileStatus | None:
        try:
            return self._client.get_file_info(inside(path))
        except FileNotFoundError:
            return None

    def _entries(self, path: str, recursive: bool = False) -> list[FileStatus]:
        try:
            return list(self._client.list_status(inside(path), recursive))
        except FileNotFoundError:
            return []


def _client(authority: str) -> Client:
    from hdfs_native import Client

    return Client(authority)
