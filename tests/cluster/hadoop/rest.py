"""What daemons tell over HTTP, asked without a proxy."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import ProxyHandler, build_opener

PATIENCE_S = 20

_opener = build_opener(ProxyHandler({}))


def get_text(url: str) -> str:
    """The text that a daemon answers with."""
    with _opener.open(url, timeout=PATIENCE_S) as answer:
        return bytes(answer.read()).decode()


def get_json(url: str) -> dict[str, Any]:
    """The object that a daemon answers with."""
    found: dict[str, Any] = json.loads(get_text(url))
    return found
