"""Waiting for what a cluster comes to, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 480


def wait_for(what: str, there: Callable[[], T]) -> T:
    """The first answer that is not empty; AssertionError where none comes."""
    until = time.monotonic() + PATIENCE_S
    while not (found := there()):
        assert time.monotonic() < until, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.5)
    return found
