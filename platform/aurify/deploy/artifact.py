"""A file that is shipped, and how one comes to its place: whole or not at all, and kept where it is the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aurify.errors import EnvironmentFailure
from aurify.session.machine_cache import file_sha256


@dataclass(frozen=True)
class Artifact:
    """One file that is shipped; `name` is its path below the folder of the package."""

    name: str
    path: Path
    sha256: str
    size: int
    made_from: str

    @classmethod
    def of(cls, folder: Path, name: str, made_from: str) -> Artifact:
        """The file as it lies in the folder."""
        path = folder / name
        sha256 = file_sha256(path)
        if sha256 is None:
            raise EnvironmentFailure.of(str(path), "no file that can be read", "what was just made", "make it again")
        return cls(name, path, sha256, path.stat().st_size, made_from)

    def as_dict(self) -> dict[str, object]:
        """What the manifest says of it."""
        return {"name": self.name, "sha256": self.sha256, "size": self.size, "made_from": self.made_from}


@dataclass(frozen=True)
class Step:
    """One part of the package is there: built anew, or kept as it was."""

    name: str
    size: int
    built: bool
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """The step for `--json`."""
        return {"name": self.name, "size": self.size, "built": self.built, "seconds": round(self.seconds, 3)}


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; it becomes `path` when all is written, and goes when that fails.

    Whoever writes holds the folder alone, so that what a killed one left is written over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def renewed(path: Path, write: Callable[[Path], None]) -> bool:
    """Write a file anew; whether that made another one of it."""
    before = file_sha256(path)
    with whole(path) as aside:
        write(aside)
    return file_sha256(path) != before


def placed(source: Path, target: Path) -> bool:
    """Put a file of the machine's cache in its place, as another name for it or as a copy; whether it was not there."""
    if target.exists() and (os.path.samefile(source, target) or file_sha256(source) == file_sha256(target)):
        return False
    with whole(target) as aside:
        try:
            aside.hardlink_to(source)
        except OSError:  # on another file system, or one without links
            shutil.copyfile(source, aside)
    return True
