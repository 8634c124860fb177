"""S3 and what speaks its protocol, by `obstore`; addresses and credentials come from the environment (AWS_*)."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from aurify.errors import EnvironmentFailure
from aurify.storage.file_stat import FileStat
from aurify.storage.paths import inside
from aurify.storage.ranged_file import RangedFile
from aurify.storage.s3_errors import created_twice, unreachable

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore as ObStore
    from obstore.store import RetryConfig, S3Store


# Footers are small: what is read beyond one is not asked for again.
BUFFER = 1 << 18
# A server that is away is told after seconds, not after three minutes.
RETRIES, PATIENCE_S = 7, 20


class ObjectStore:
    """Files are created by a conditional PUT (`If-None-Match: *`), which the server itself decides.

    Hadoop's client marks folders by empty objects that end in `/`; here they are no files, and no entries.
    """

    errors: tuple[type[Exception], ...]

    def __init__(self, authority: str, store: ObStore | None = None) -> None:
        self._authority = authority
        self._store = store or _store(authority)
        self._is_reached = False
        self._is_conditional = False
        from obstore.exceptions import BaseError

        self.errors = (BaseError,)

    def create(self, path: str, content: bytes) -> bool:
        key = self._key(path)
        if not self._put_new(key, content):
            return False
        if not self._is_conditional and self._put_new(key, content):
            self.remove(path)
            raise created_twice(self._authority)
        self._is_conditional = True
        return True

    def _put_new(self, key: str, content: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            obstore.put(self._store, key, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def write(self, path: str, content: bytes) -> None:
        import obstore

        obstore.put(self._store, self._key(path), content)

    def upload(self, file: Path, path: str) -> None:
        import obstore

        if self.stat(path) is None:
            obstore.put(self._store, self._key(path), file)

    def read(self, path: str) -> bytes | None:
        import obstore

        try:
            return bytes(obstore.get(self._store, self._key(path)).bytes())
        except FileNotFoundError:
            return None

    def open(self, path: str) -> BinaryIO:
        import obstore

        key, store = self._key(path), self._store
        size = obstore.head(store, key)["size"]
        return io.BufferedReader(
            RangedFile(size, lambda at, length: bytes(obstore.get_range(store, key, start=at, length=length))), BUFFER
        )

    def stat(self, path: str) -> FileStat | None:
        import obstore

        try:
            return FileStat(*_described(obstore.head(self._store, self._key(path)))[1:])
        except FileNotFoundError:
            return None

    def names(self, path: str) -> list[str]:
        import obstore

        own = self._key(path)
        found = obstore.list_with_delimiter(self._store, own)
        keys = {*found["common_prefixes"], *(entry["path"] for entry in found["objects"])} - {own}
        names = (key.rpartition("/")[2] for key in keys)
        return sorted(name for name in names if not name.startswith("."))

    def exists(self, path: str) -> bool:
        return self.stat(path) is not None or next(self._entries(path), None) is not None

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        for key, size, modified_ms in self._files(path):
            name = key.rpartition("/")[2]
            if name.endswith(suffix) and not name.startswith((".", "_")):
                yield f"{self._authority}/{key}", size, modified_ms

    def move(self, source: str, target: str) -> None:
        import obstore

        obstore.rename(self._store, self._key(source), self._key(target), overwrite=True)

    def age_seconds(self, path: str) -> float:
        own = self.stat(path)
        changed = [own.modified_ms] if own else [modified_ms for _, _, modified_ms in self._files(path)]
        return time.time() - max(changed) / 1000 if changed else 0.0

    def remove(self, path: str) -> None:
        import obstore

        obstore.delete(self._store, [*(key for key, _, _ in self._entries(path)), self._key(path)])

    def _files(self, path: str) -> Iterator[tuple[str, int, int]]:
        """The entries without markers of folders: of one nothing is found under the name that it is listed by."""
        for entry in self._entries(path):
            if entry[1] or self.stat(f"{self._authority}/{entry[0]}") is not None:
                yield entry

    def _entries(self, path: str) -> Iterator[tuple[str, int, int]]:
        import obstore

        for some in obstore.list(self._store, f"{self._key(path)}/"):
            yield from map(_described, some)

    def _key(self, path: str) -> str:
        """The name of a file in its bucket; the first time the bucket is looked at."""
        key = inside(path).strip("/")
        if not self._is_reached:
            _look(self._store, self._authority, key.rpartition("/")[0])
            self._is_reached = True
        return key


def _described(entry: ObjectMeta) -> tuple[str, int, int]:
    return entry["path"], entry["size"], int(entry["last_modified"].timestamp() * 1000)


def _store(authority: str) -> S3Store:
    try:
        from obstore.store import S3Store
    except ImportError as error:
        hint = "pip install 'aurify[s3]'"
        raise EnvironmentFailure.of(authority, "no package obstore", "the client of S3", hint) from error
    retries: RetryConfig = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=PATIENCE_S)}
    return S3Store(authority.partition("://")[2], retry_config=retries)


def _look(store: ObStore, authority: str, folder: str) -> None:
    """List one page of a folder; EnvironmentFailure tells why the bucket can't be read."""
    import obstore
    from obstore.exceptions import BaseError

    try:
        next(iter(obstore.list(store, f"{folder}/" if folder else None)), None)
    except (BaseError, OSError) as error:
        raise unreachable(authority, str(error)) from error
