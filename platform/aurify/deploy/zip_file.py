"""Zip files whose bytes follow from what is in them alone: sorted, with one time and two modes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

# The first time that a zip file can tell.
EPOCH = (1980, 1, 1, 0, 0, 0)
READ, RUN = 0o100644, 0o100755


def write_zip(path: Path, entries: Mapping[str, Path | bytes], method: int = ZIP_DEFLATED) -> None:
    """Write files, or contents, under their names."""
    with ZipFile(path, "w", method) as archive:
        for name in sorted(entries):
            source = entries[name]
            info = ZipInfo(name, EPOCH)
            info.create_system = 3  # Unix, on which the modes are read
            info.compress_type = method
            info.external_attr = (RUN if isinstance(source, Path) and source.stat().st_mode & 0o100 else READ) << 16
            if isinstance(source, bytes):
                archive.writestr(info, source)
                continue
            with source.open("rb") as content, archive.open(info, "w") as entry:
                shutil.copyfileobj(content, entry, 1 << 20)


__all__ = ["ZIP_STORED", "write_zip"]
