"""What a layer of an image holds: entries of a tar whose bytes follow from the content alone."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile

from aurify.deploy.python_archive import TIME

FOLDER, READ, RUN, ANYONES = 0o755, 0o644, 0o755, 0o1777


def add_bytes(archive: tarfile.TarFile, name: str, content: bytes, mode: int = READ) -> None:
    """A file of its own."""
    entry = _entry(name, mode)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def add_file(archive: tarfile.TarFile, name: str, file: Path, mode: int = READ) -> None:
    """A file as it lies on this disk."""
    entry = _entry(name, mode)
    entry.size = file.stat().st_size
    with file.open("rb") as content:
        archive.addfile(entry, content)


def add_folder(archive: tarfile.TarFile, name: str, mode: int = FOLDER) -> None:
    """A folder with nothing in it."""
    entry = _entry(name, mode)
    entry.type = tarfile.DIRTYPE
    archive.addfile(entry)


def add_zip(archive: tarfile.TarFile, prefix: str, file: Path) -> None:
    """All that a zip file holds, unpacked below a prefix."""
    with ZipFile(file) as packed:
        for info in sorted(packed.infolist(), key=lambda info: info.filename):
            entry = _entry(f"{prefix}/{info.filename}", RUN if (info.external_attr >> 16) & 0o100 else READ)
            entry.size = info.file_size
            with packed.open(info) as content:
                archive.addfile(entry, content)


def add_tar(archive: tarfile.TarFile, prefix: str, file: Path) -> None:
    """All that another archive holds, below a prefix, each entry as it is there."""
    with tarfile.open(file, mode="r|*") as packed:
        for entry in packed:
            entry.name = f"{prefix}/{entry.name}"
            if entry.islnk():
                entry.linkname = f"{prefix}/{entry.linkname}"
            archive.addfile(entry, packed.extractfile(entry) if entry.isfile() else None)


def add_files(archive: tarfile.TarFile, prefix: str, files: Iterable[Path], mode: int = READ) -> None:
    """Files by their names alone, below a prefix."""
    for file in sorted(files, key=lambda file: file.name):
        add_file(archive, f"{prefix}/{file.name}", file, mode)


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.mode, entry.mtime = mode, TIME
    return entry
