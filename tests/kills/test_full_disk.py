"""A disk that fills up in the middle of a refresh: told, and after making room nothing is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kills.bases import Bases
from tests.kills.picture import differences, rows_by_log, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

# Room for a record; for the first staged files; for bronze; for most of silver; more than is needed.
KIBIBYTES_FREE = (0, 40, 120, 240, 360)
SIZE = 4 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}k", "tmpfs", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"no small disk can be made here: {ran.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, free_kib: int) -> None:
    """Leave that much room on the disk."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    room = shutil.disk_usage(disk).free // 1024 - free_kib
    ballast.write_bytes(bytes(max(room, 0) * 1024))


def test_a_refresh_on_a_full_disk_says_so_and_is_made_good_when_there_is_room(small_disk: Path, bases: Bases) -> None:
    root = bases.copy("day 1", small_disk / "lake")
    failed = 0
    for free in KIBIBYTES_FREE:
        fill(small_disk, free)
        report = bases.open(root).refresh()
        if report.exit_code == 0:
            break
        failed += 1
        assert report.errors
        assert report.exit_code == 3, report.as_dict()
        assert all("the disk is full" in error.render() for error in report.errors), report.as_dict()
    assert failed >= 3
    (small_disk / "ballast").unlink()
    report = bases.open(root).refresh()
    assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(root), bases.by_log("day 2"))
    assert not differences(rows_by_spark(bases.open(root)), bases.by_spark("day 2"))
