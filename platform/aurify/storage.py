"""Files beside tables: the few operations that publication needs, each atomic or idempotent.

One class for the local file system. A cluster's file system offers the same methods.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path


class Storage:
    """The local file system, with create-if-absent that is whole or not at all."""

    def create(self, path: str, content: bytes) -> bool:
        """Write a new file, whole, and say True; False where it exists already."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = self._draft(target, content)
        try:
            os.link(draft, target)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def write(self, path: str, content: bytes) -> None:
        """Write a file, replacing it in one step."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._draft(target, content).replace(target)

    @staticmethod
    def _draft(target: Path, content: bytes) -> Path:
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            with draft.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return draft

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where there is none."""
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, path: str) -> list[str]:
        """The visible entries of a folder, sorted; none where it does not exist."""
        try:
            return sorted(name for name in os.listdir(path) if not name.startswith("."))
        except FileNotFoundError:
            return []

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return os.path.exists(path)

    def files(self, path: str, suffix: str) -> Iterator[tuple[str, int, int]]:
        """Every file below a folder: path, size in bytes, modification time in milliseconds."""
        for folder, _, names in os.walk(path):
            for name in sorted(names):
                if name.endswith(suffix) and not name.startswith((".", "_")):
                    found = os.path.join(folder, name)
                    stat = os.stat(found)
                    yield found, stat.st_size, stat.st_mtime_ns // 1_000_000

    def move(self, source: str, target: str) -> None:
        """Rename a file within the store, making the folder it goes to."""
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(source, target)

    def age_seconds(self, path: str) -> float:
        """Seconds since the file, or the folder or the youngest entry directly in it, changed."""
        entries = os.scandir(path) if os.path.isdir(path) else ()
        return time.time() - max([os.stat(path).st_mtime, *(entry.stat().st_mtime for entry in entries)])

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it; nothing happens where it is gone."""
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)
