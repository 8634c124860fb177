"""The engine's wheel: built from its source in a checkout, put together again from the installed files elsewhere.

Both are written anew by `write_zip`, so that the same files give the same wheel.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

from aurify.deploy.project_archives import ENGINE, engine_folder
from aurify.deploy.shipped_files import Shipped
from aurify.deploy.zip_file import write_zip
from aurify.errors import EnvironmentFailure
from aurify.session.machine_cache import file_sha256
from aurify.version import __version__

# What an installer writes beside the files of a wheel.
INSTALLERS_OWN = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")
# Of a checkout, beside the engine.
BUILT_BY = ("setup.py", "pyproject.toml", "README.md")
HINT = "make the package in a checkout, or where the wheel of Aurify is installed"

Contents = Mapping[str, bytes]


def wheel_name() -> str:
    """The name of the wheel's file."""
    return f"{ENGINE}-{__version__}-py3-none-any.whl"


def write_wheel(path: Path) -> None:
    """Write the engine's wheel."""
    source = _checkout()
    write_zip(path, _put_together() if source is None else _built(source))


def made_from() -> str:
    """What the wheel follows from, as one hash."""
    source = _checkout()
    engine = Shipped(engine_folder().parent)
    engine.add(engine_folder())
    files = {**engine.entries, **{name: source / name for name in BUILT_BY if source and (source / name).is_file()}}
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{file_sha256(files[name])}\n".encode())
    return f"engine {__version__}, {len(files)} files, sha256 {digest.hexdigest()[:16]}"


def _checkout() -> Path | None:
    """The checkout that the engine was imported from, if it was from one."""
    source = engine_folder().parents[1]
    is_checkout = (source / "setup.py").is_file() and engine_folder().parent.name == "platform"
    return source if is_checkout else None


def _built(source: Path) -> Contents:
    """The wheel of a checkout, by its own setup.py, which leaves nothing in the checkout."""
    with tempfile.TemporaryDirectory() as scratch:
        build = ["build", "--build-base", f"{scratch}/build", "bdist_wheel", "--dist-dir", scratch]
        command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", scratch, *build]
        ran = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if ran.returncode or not wheels:
            said = (ran.stderr.strip().splitlines() or ["no wheel"])[-1]
            raise EnvironmentFailure.of(f"{source}/setup.py", said, "a wheel", "`pip install setuptools wheel`")
        with ZipFile(wheels[0]) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def _put_together() -> Contents:
    """The wheel that the engine was installed from: its files as the installer recorded them."""
    found = _installed()
    contents: dict[str, bytes] = {}
    hashes: dict[str, tuple[str, str]] = {}
    record = ""
    for file in found.files or ():
        name = file.as_posix()
        if name.endswith(".dist-info/RECORD"):
            record = name
        if os.path.isabs(name) or name.startswith("..") or file.name in INSTALLERS_OWN or file.suffix == ".pyc":
            continue
        contents[name] = Path(str(found.locate_file(file))).read_bytes()
        hashes[name] = (f"{file.hash.mode}={file.hash.value}" if file.hash else "", str(file.size or ""))
    if not record or f"{ENGINE}/__init__.py" not in contents:
        raise EnvironmentFailure.of("package", f"no list of files in {found.name}'s metadata", "RECORD", HINT)
    rows = io.StringIO()
    csv.writer(rows, lineterminator="\n").writerows([(name, *hashes[name]) for name in sorted(contents)])
    return {**contents, record: f"{rows.getvalue()}{record},,\n".encode()}


def _installed() -> Distribution:
    try:
        return distribution(ENGINE)
    except PackageNotFoundError as error:
        found = f"Aurify in {engine_folder()}, without metadata"
        raise EnvironmentFailure.of("package", found, "a checkout or an installed wheel", HINT) from error
