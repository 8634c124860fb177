"""The operations that publication needs of a file system, each atomic or idempotent, on the store a path names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from aurify.errors import ConfigurationError
from aurify.storage.file_stat import FileStat
from aurify.storage.local import LocalStore
from aurify.storage.paths import S3_SCHEMES, authority_of, scheme_of

SCHEMES = ("file", "hdfs", *S3_SCHEMES)


class FileStore(Protocol):
    """What is asked of a file system. Paths are whole: with scheme and host where they came with them."""

    def create(self, path: str, content: bytes) -> bool:
        """Write a new file, whole, and say True; False where it exists already."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file, replacing it in one step."""

    def upload(self, file: Path, path: str) -> None:
        """Copy a file of the local disk here, whole, unless one is there: two that copy the same disturb nobody."""

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


class Store(FileStore, Protocol):
    """One file system; `errors` are what its client raises beside OSError where it fails."""

    errors: tuple[type[Exception], ...]


def store_of(path: str) -> Store:
    """The store that a path belongs to, connected once a process; ConfigurationError for a scheme without one."""
    scheme = scheme_of(path)
    if scheme not in SCHEMES:
        expected = f"a path, or a URI of {', '.join(SCHEMES)}"
        hint = "look at warehouse, sources and tables in conf/<environment>/settings.yml"
        raise ConfigurationError.of(path, f"a file system '{scheme}' that Aurify can't publish on", expected, hint)
    return _connected("" if scheme == "file" else authority_of(path))


@cache
def _connected(authority: str) -> Store:
    if not authority:
        return LocalStore()
    if authority.startswith("hdfs:"):
        from aurify.storage.hdfs import HdfsStore

        return HdfsStore(authority)
    from aurify.storage.objects import ObjectStore

    return ObjectStore(authority)


@contextmanager
def _answering(path: str) -> Iterator[FileStore]:
    """The store of a path; what its client raises for a store that does not answer is an OSError, as a disk's is."""
    store = store_of(path)
    try:
        yield store
    except OSError:
        raise
    except store.errors as error:
        said = str(error).partition("\n")[0]
        raise OSError(f"{path}: {said}") from error


class Storage(FileStore):
    """Every file system at once: each operation goes to the store that its path names."""

    def create(self, path: str, content: bytes) -> bool:
        with _answering(path) as store:
            return store.create(path, content)

    def write(self, path: str, content: bytes) -> None:
        with _answering(path) as store:
            store.write(path, content)

    def upload(self, file: Path, path: str) -> None:
        with _answering(path) as store:
            store.upload(file, path)

    def read(self, path: str) -> bytes | None:
        with _answering(path) as store:
            return store.read(path)

    def open(self, path: str) -> BinaryIO:
        with _answering(path) as store:
            return store.open(path)

    def stat(self, path: str) -> FileStat | None:
        with _answering(path) as store:
            return store.stat(path)

    def names(self, path: str) -> list[str]:
        with _answering(path) as store:
            return store.names(path)

    def exists(self, path: str) -> bool:
        with _answering(path) as store:
            return store.exists(path)

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        with _answering(path) as store:
            yield from store.files(path, suffix)

    def move(self, source: str, target: str) -> None:
        with _answering(source) as store:
            store.move(source, target)

    def age_seconds(self, path: str) -> float:
        with _answering(path) as store:
            return store.age_seconds(path)

    def remove(self, path: str) -> None:
        with _answering(path) as store:
            store.remove(path)
