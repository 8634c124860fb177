"""The files of a folder: finding them, opening them, and seeing whether they changed.

The only module of the folder source that knows where the files lie.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.storage import Storage, is_local

if TYPE_CHECKING:
    from aurify.sources.folder import FolderOptions

WILDCARD_CHARACTER = re.compile(r"[{}\[\]*?\\]")
_UNFINISHED = (".tmp", ".crc")
_SETTING = "`sources` in conf/<environment>/settings.yml, followed by the path of folder(...)"
_WILDCARDS = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
_WILDCARD = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]")


@dataclass(frozen=True)
class SourceFile:
    """One version of one file, by path (relative to the folder, with `/`), size and modification time."""

    path: str
    size: int
    modified_ms: int


class Version(Protocol):
    """What tells one version of a file from another without reading it."""

    @property
    def path(self) -> str:
        """Path relative to the folder."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def modified_ms(self) -> int:
        """Modification time in milliseconds."""


def list_files(root: Path | str, options: FolderOptions) -> list[SourceFile]:
    """The files that match the pattern, sorted by path; hidden and unfinished ones are no files yet.

    Hidden is what begins with `.` or `_`, folders too; unfinished is what ends in `.tmp` or `.crc`.
    """
    options.refuse_mistakes()
    folder = folder_path(root)
    match = pattern_regex(options.pattern).fullmatch
    depth = None if "**" in options.pattern else options.pattern.count("/")
    found_files = _of_disk(folder, depth) if is_local(folder) else _of_store(folder)
    return sorted((file for file in found_files if match(file.path)), key=lambda file: file.path)


def _of_store(folder: str) -> Iterator[SourceFile]:
    """All files below a folder of HDFS or S3, which list them faster than folder by folder."""
    store = Storage()
    is_file = store.stat(folder) is not None
    if is_file or not store.exists(folder):
        raise _no_folder(folder, is_file)
    try:
        for path, size, modified_ms in store.files(folder, ""):
            name = path[len(folder) + 1 :]
            if not any(_is_hidden(part) for part in name.split("/")):
                yield SourceFile(name, size, modified_ms)
    except OSError as error:
        raise _unlistable(folder, str(error)) from error


def _no_folder(folder: str, is_file: bool) -> ConfigurationError:
    found = f"a file at {folder}" if is_file else f"nothing at {folder}"
    return ConfigurationError.of("folder source", found, "a folder", f"the place is {_SETTING}")


def _unlistable(folder: str, said: str | None) -> EnvironmentFailure:
    hint = f"the place is {_SETTING}"
    return EnvironmentFailure.of("folder source", f"{folder}: {said}", "a folder that can be listed", hint)


def _of_disk(folder: str, depth: int | None) -> Iterator[SourceFile]:
    if not os.path.isdir(folder):
        raise _no_folder(folder, os.path.exists(folder))
    return _walk(folder, "", depth, frozenset([_identity(os.stat(folder))]))


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _walk(folder: str, below: str, depth: int | None, above: frozenset[tuple[int, int]]) -> Iterator[SourceFile]:
    """Files `depth` folders down; symbolic links are followed, but not in circles."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not _is_hidden(entry.name)]
    except OSError as error:
        raise _unlistable(folder, error.strerror) from error
    for entry in entries:
        path = below + entry.name
        try:
            stat = entry.stat()
        except FileNotFoundError:
            continue  # removed since it was listed, or a link to nothing
        if entry.is_file():
            yield SourceFile(path, stat.st_size, stat.st_mtime_ns // 1_000_000)
        elif entry.is_dir() and depth != 0 and _identity(stat) not in above:
            yield from _walk(entry.path, f"{path}/", None if depth is None else depth - 1, above | {_identity(stat)})


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_")) or name.endswith(_UNFINISHED)


def pattern_regex(pattern: str) -> re.Pattern[str]:
    """A file pattern as a regular expression of the relative path.

    >>> match = pattern_regex("**/*.csv.gz").fullmatch
    >>> bool(match("a.csv.gz")), bool(match("2024/01/a.csv.gz")), bool(match("a.csv"))
    (True, True, False)
    """
    text, at = "", 0
    for found in _WILDCARD.finditer(pattern):
        text += re.escape(pattern[at : found.start()])
        token, at = found.group(), found.end()
        text += _WILDCARDS.get(token) or "[" + token[1:-1].replace("!", "^", 1).replace("\\", r"\\") + "]"
    return re.compile(text + re.escape(pattern[at:]), re.DOTALL)


def folder_path(root: Path | str) -> str:
    """The folder as an absolute local path, or its URI in another store."""
    text = str(root)
    if text.startswith("file:"):
        text = "/" + text.removeprefix("file:").lstrip("/")
    return os.path.abspath(text) if is_local(text) else text.rstrip("/")


def file_uri(root: Path | str, path: str) -> str:
    """Where Spark finds the file, with every character as it is."""
    folder = folder_path(root)
    return f"{'file://' if is_local(folder) else ''}{folder}/{path}"


def open_file(root: Path | str, path: str) -> BinaryIO:
    """The file, open for reading."""
    return Storage().open(f"{folder_path(root)}/{path}")


def stat_file(root: Path | str, path: str) -> SourceFile:
    """The version of the file that is there now."""
    place = f"{folder_path(root)}/{path}"
    stat = Storage().stat(place)
    if stat is None:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), place)
    return SourceFile(path, stat.size, stat.modified_ms)


def stat_unchanged(root: Path | str, files: Iterable[Version]) -> list[str]:
    """The paths whose file is gone or is another version by now; none when all are unchanged."""
    return [file.path for file in files if not _is_there(root, file)]


def _is_there(root: Path | str, file: Version) -> bool:
    try:
        return stat_file(root, file.path) == SourceFile(file.path, file.size, file.modified_ms)
    except FileNotFoundError:
        return False
