"""HDFS, by the pure client `hdfs-native`: it needs no Java, and takes HADOOP_CONF_DIR and HADOOP_USER_NAME."""

from __future__ import annotations

import io
import posixpath
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from aurify.errors import EnvironmentFailure
from aurify.storage.file_stat import FileStat
from aurify.storage.paths import inside
from aurify.storage.ranged_file import RangedFile

if TYPE_CHECKING:
    from hdfs_native import Client, FileStatus

# Python's own reads are small; the ranges of a Parquet file are read as they are asked for.
BUFFER = 1 << 16
# A NameNode that is away is told after some seconds, not after three minutes; a failover takes no longer.
PATIENCE = {"dfs.client.failover.max.attempts": "5", "dfs.client.failover.sleep.max.millis": "4000"}
PIECE = 1 << 22
PAUSES_S = (1.0, 5.0, 15.0)
# What another DataNode does not cure.
HOPELESS = ("AccessControl", "Permission denied", "SafeMode", "QuotaExceeded", "NameNode")


class HdfsStore:
    """Files are created by a rename that refuses to overwrite: the NameNode lets one of two win."""

    errors: tuple[type[Exception], ...] = (RuntimeError,)

    def __init__(self, authority: str) -> None:
        self._authority = authority
        self._client = _client(authority)

    def create(self, path: str, content: bytes) -> bool:
        target = inside(path)
        return self._named(self._draft(target, lambda: [content]), target)

    def write(self, path: str, content: bytes) -> None:
        target = inside(path)
        self._client.rename(self._draft(target, lambda: [content]), target, overwrite=True)

    def _named(self, draft: str, target: str) -> bool:
        """Give a draft its name, unless a file has it already; whether it got it."""
        try:
            self._client.rename(draft, target, overwrite=False)
        except FileExistsError:
            self._client.delete(draft)
            return False
        return True

    def _draft(self, target: str, pieces: Callable[[], Iterable[bytes]]) -> str:
        """Write a file beside the target; from its beginning again where a DataNode died under it.

        The client does not go round a node that the NameNode still believes in; another try may be given others.
        """
        folder, name = posixpath.split(target)
        for pause_s in (*PAUSES_S, None):
            draft = f"{folder}/.{name}.{uuid.uuid4().hex}.tmp"
            try:
                self._fill(draft, pieces())
            except (OSError, RuntimeError) as error:
                said = str(error).partition("\n")[0]
                if pause_s is None or any(word in said for word in HOPELESS):
                    raise OSError(f"{self._authority}{target} could not be written: {said}") from error
                with suppress(OSError, RuntimeError):
                    self._client.delete(draft)
                time.sleep(pause_s)
            else:
                return draft
        raise AssertionError

    def _fill(self, draft: str, pieces: Iterable[bytes]) -> None:
        from hdfs_native import WriteOptions

        with self._client.create(draft, WriteOptions(create_parent=True)) as out:
            for piece in pieces:
                out.write(piece)

    def upload(self, file: Path, path: str) -> None:
        target = inside(path)

        def pieces() -> Iterator[bytes]:
            with file.open("rb") as content:
                yield from iter(lambda: content.read(PIECE), b"")

        self._named(self._draft(target, pieces), target)

    def read(self, path: str) -> bytes | None:
        try:
            return self._client.read(inside(path)).read()
        except FileNotFoundError:
            return None

    def open(self, path: str) -> BinaryIO:
        file = self._client.read(inside(path))
        return io.BufferedReader(RangedFile(len(file), file.read_range), BUFFER)

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
    try:
        from hdfs_native import Client
    except ImportError as error:
        hint = "pip install 'aurify[hdfs]'"
        raise EnvironmentFailure.of(authority, "no package hdfs-native", "the client of HDFS", hint) from error
    try:
        return Client(authority if authority != "hdfs://" else None, config=PATIENCE)
    except (RuntimeError, ValueError, OSError) as error:
        hint = (
            "look at the host in the settings, and at HADOOP_CONF_DIR where it is the name of a highly available pair"
        )
        raise EnvironmentFailure.of(authority, str(error), "a NameNode", hint) from error
