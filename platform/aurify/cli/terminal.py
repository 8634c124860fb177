"""The two streams: what a command found on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 160


def console(stderr: bool = False) -> Console:
    """Where text for people goes; without a terminal there is room for a whole row."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


@contextlib.contextmanager
def reserved_stdout(reserved: bool) -> Iterator[None]:
    """Keep stdout for the answer: what table code prints goes to stderr, and what a JVM prints that starts inside."""
    if not reserved:
        yield
        return
    sys.stdout.flush()
    with contextlib.redirect_stdout(sys.stderr), _redirected_descriptor():
        yield


@contextlib.contextmanager
def _redirected_descriptor() -> Iterator[None]:
    """Descriptor 1 is what child processes inherit; nothing happens where stdout has none, as under a test."""
    try:
        stdout, stderr = sys.__stdout__, sys.__stderr__
        assert stdout is not None
        assert stderr is not None
        target, kept = stderr.fileno(), os.dup(stdout.fileno())
    except (AssertionError, OSError, ValueError):
        yield
        return
    try:
        os.dup2(target, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def as_json(document: Mapping[str, Any]) -> str:
    """One JSON document; times in ISO 8601, numbers that JSON lacks as text."""
    return json.dumps(document, indent=2, default=_json_value, ensure_ascii=False)


def _json_value(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return value.hex()
    return str(value)
