"""The operations that publication needs of a file system, each atomic or idempotent, on the store a path names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from aurify.errors import ConfigurationError
from aurify.storage.file_stat import FileStat
from aurify.storage.local import LocalStore
from aurify.storage.paths import authority_of, scheme_of

S3_SCHEMES = ("s3", "s3a")
SCHEMES = ("file", "hdfs", *S3_SCHEMES)


class FileStore(Protocol):
    """One file system. Paths are whole: with scheme and host where they came with them."""

    def create(self, path: str, content: bytes) -> bool:
        """Write a new file, whole, and say True; False where it exists already."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file, replacing it in one step."""

    def upload(self, file: Path, path: str) -> None:
        """Copy a file of the local disk here, replacing what there is in one step."""

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where there is none."""

    def open(self, path: str) -> BinaryIO:
        """A file open for reading from any place; FileNotFoundError where there is none."""

    def stat(self, path: str) -> FileStat | None:
        """The version of the file that is there now; None for a folder, or where there is none."""

    def names(self, path: str) -> list[str]:
        """The visible entries of a folder, sorted; none where it does not exist."""

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        """Every visible file below a folder: path, size in bytes, modification time in milliseconds."""

    def move(self, source: str, target: str) -> None:
        """Rename a file within the store, making the folder it goes to."""

    def age_seconds(self, path: str) -> float:
        """Seconds since the file, or the folder or the youngest entry directly in it, changed."""

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it; nothing happens where it is gone."""


def store_of(path: str) -> FileStore:
    """The store that a path belongs to, connected once a process; ConfigurationError for a scheme without one."""
    scheme = scheme_of(path)
    if scheme not in SCHEMES:
        expected = f"a path, or a URI of {', '.join(SCHEMES)}"
        hint = "look at warehouse, sources and tables in conf/<environment>/settings.yml"
        raise ConfigurationError.of(path, f"a file system '{scheme}' that Aurify can't publish on", expected, hint)
    return _connected("" if scheme == "file" else authority_of(path))


@cache
def _connected(authority: str) -> FileStore:
    if not authority:
        return LocalStore()
    if authority.startswith("hdfs:"):
        from aurify.storage.hdfs import HdfsStore

        return HdfsStore(authority)
    from aurify.storage.objects import ObjectStore

    return ObjectStore(authority)


class Storage(FileStore):
    """Every file system at once: each operation goes to the store that its path names."""

    def create(self, path: str, content: bytes) -> bool:
        return store_of(path).create(path, content)

    def write(self, path: str, content: bytes) -> None:
        store_of(path).write(path, content)

    def upload(self, file: Path, path: str) -> None:
        store_of(path).upload(file, path)

    def read(self, path: str) -> bytes | None:
        return store_of(path).read(path)

    def open(self, path: str) -> BinaryIO:
        return store_of(path).open(path)

    def stat(self, path: str) -> FileStat | None:
        return store_of(path).stat(path)

    def names(self, path: str) -> list[str]:
        return store_of(path).names(path)

    def exists(self, path: str) -> bool:
        return store_of(path).exists(path)

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        return store_of(path).files(path, suffix)

    def move(self, source: str, target: str) -> None:
        store_of(source).move(source, target)

    def age_seconds(self, path: str) -> float:
        return store_of(path).age_seconds(path)

    def remove(self, path: str) -> None:
        store_of(path).remove(path)
