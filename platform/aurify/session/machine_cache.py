"""What is fetched or built once a machine: where it lies, and one process at a time that makes it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aurify.errors import EnvironmentFailure

CHUNK = 1 << 20


def cache_root() -> Path:
    """The folder of everything that is fetched or built once a machine."""
    return Path(os.environ.get("AURIFY_CACHE") or "~/.cache/aurify").expanduser()


@contextmanager
def held(path: Path, what: str, hint: str) -> Iterator[None]:
    """Hold a file or folder that is made against other processes; the system lets go when a process dies."""
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("w")
    except OSError as error:
        raise EnvironmentFailure.of(what, str(error), "a folder that can be written", hint) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def file_sha256(file: Path) -> str | None:
    """The hash of a file's content, None where it can't be read."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as content:
            while chunk := content.read(CHUNK):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
