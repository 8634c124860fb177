"""The local file system, also where a network file system is mounted into it."""

from __future__ import annotations

import io
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO

from aurify.storage.file_stat import FileStat


class LocalStore:
    """Files are created by a hard link to a draft, so whole or not at all."""

    errors: tuple[type[Exception], ...] = ()

    def create(self, path: str, content: bytes) -> bool:
        return self._named(self._draft(Path(path), io.BytesIO(content)), Path(path))

    def write(self, path: str, content: bytes) -> None:
        self._draft(Path(path), io.BytesIO(content)).replace(path)

    def upload(self, file: Path, path: str) -> None:
        with file.open("rb") as content:
            self._named(self._draft(Path(path), content), Path(path))

    @staticmethod
    def _named(draft: Path, target: Path) -> bool:
        """Give a draft its name, unless a file has it already; whether it got it."""
        try:
            os.link(draft, target)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    @staticmethod
    def _draft(target: Path, content: BinaryIO) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            with draft.open("wb") as out:
                shutil.copyfileobj(content, out)
                out.flush()
                os.fsync(out.fileno())
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return draft

    def read(self, path: str) -> bytes | None:
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, path: str) -> list[str]:
        try:
            return sorted(name for name in os.listdir(path) if not name.startswith("."))
        except FileNotFoundError:
            return []

    def open(self, path: str) -> BinaryIO:
        return open(path, "rb")

    def stat(self, path: str) -> FileStat | None:
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if S_ISDIR(found.st_mode) else FileStat(found.st_size, found.st_mtime_ns // 1_000_000)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        for folder, _, names in os.walk(path):
            for name in sorted(names):
                if name.endswith(suffix) and not name.startswith((".", "_")):
                    found = os.path.join(folder, name)
                    stat = os.stat(found)
                    yield found, stat.st_size, stat.st_mtime_ns // 1_000_000

    def move(self, source: str, target: str) -> None:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(source, target)

    def age_seconds(self, path: str) -> float:
        entries = os.scandir(path) if os.path.isdir(path) else ()
        return time.time() - max([os.stat(path).st_mtime, *(entry.stat().st_mtime for entry in entries)])

    def remove(self, path: str) -> None:
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)
