"""S3 and what speaks its protocol, by `obstore`; addresses and credentials come from the environment (AWS_*)."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from aurify.errors import EnvironmentFailure
from aurify.storage.file_stat import FileStat
from aurify.storage.paths import inside
from aurify.storage.ranged_file import RangedFile

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore as ObStore
    from obstore.store import S3Store


# Footers are small: what is read beyond one is not asked for again.
BUFFER = 1 << 18


class ObjectStore:
    """Files are created by a conditional PUT (`If-None-Match: *`), which the server itself decides."""

    errors: tuple[type[Exception], ...]

    def __init__(self, authority: str, store: ObStore | None = None) -> None:
        self._authority = authority
        self._store = store or _store(authority)
        from obstore.exceptions import BaseError

        self.errors = (BaseError,)

    def create(self, path: str, content: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            obstore.put(self._store, _key(path), content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def write(self, path: str, content: bytes) -> None:
        import obstore

        obstore.put(self._store, _key(path), content)

    def upload(self, file: Path, path: str) -> None:
        import obstore

        if self.stat(path) is None:
            obstore.put(self._store, _key(path), file)

    def read(self, path: str) -> bytes | None:
        import obstore

        try:
            return bytes(obstore.get(self._store, _key(path)).bytes())
        except FileNotFoundError:
            return None

    def open(self, path: str) -> BinaryIO:
        import obstore

        key, store = _key(path), self._store
        size = obstore.head(store, key)["size"]
        return io.BufferedReader(
            RangedFile(size, lambda at, length: bytes(obstore.get_range(store, key, start=at, length=length))), BUFFER
        )

    def stat(self, path: str) -> FileStat | None:
        import obstore

        try:
            return FileStat(*_described(obstore.head(self._store, _key(path)))[1:])
        except FileNotFoundError:
            return None

    def names(self, path: str) -> list[str]:
        import obstore

        found = obstore.list_with_delimiter(self._store, _key(path))
        keys = [*found["common_prefixes"], *(entry["path"] for entry in found["objects"])]
        names = (key.rstrip("/").rpartition("/")[2] for key in keys)
        return sorted(name for name in names if not name.startswith("."))

    def exists(self, path: str) -> bool:
        return self.stat(path) is not None or next(self._entries(path), None) is not None

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        for entry in self._entries(path):
            key, size, modified_ms = _described(entry)
            name = key.rpartition("/")[2]
            if name.endswith(suffix) and not name.startswith((".", "_")):
                yield f"{self._authority}/{key}", size, modified_ms

    def move(self, source: str, target: str) -> None:
        import obstore

        obstore.rename(self._store, _key(source), _key(target), overwrite=True)

    def age_seconds(self, path: str) -> float:
        own = self.stat(path)
        changed = [own.modified_ms] if own else [_described(entry)[2] for entry in self._entries(path)]
        return time.time() - max(changed) / 1000 if changed else 0.0

    def remove(self, path: str) -> None:
        import obstore

        keys = [entry["path"] for entry in self._entries(path)]
        obstore.delete(self._store, [*keys, _key(path)])

    def _entries(self, path: str) -> Iterator[ObjectMeta]:
        import obstore

        for some in obstore.list(self._store, f"{_key(path)}/"):
            yield from some


def _key(path: str) -> str:
    return inside(path).strip("/")


def _described(entry: ObjectMeta) -> tuple[str, int, int]:
    return entry["path"], entry["size"], int(entry["last_modified"].timestamp() * 1000)


def _store(authority: str) -> S3Store:
    try:
        from obstore.store import S3Store
    except ImportError as error:
        hint = "pip install 'aurify[s3]'"
        raise EnvironmentFailure.of(authority, "no package obstore", "the client of S3", hint) from error
    return S3Store(authority.partition("://")[2])
