"""What daemons tell over HTTP, asked without a proxy."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener
from urllib.response import addinfourl

PATIENCE_S = 20

_opener = build_opener(ProxyHandler({}))


def opened(asked: str | Request) -> addinfourl:
    """The answer of a daemon, to be closed."""
    answer: addinfourl = _opener.open(asked, timeout=PATIENCE_S)
    return answer


def get_text(url: str) -> str:
    """The text that a daemon answers with."""
    with opened(url) as answer:
        return bytes(answer.read()).decode()


def get_json(url: str) -> dict[str, Any]:
    """The object that a daemon answers with."""
    found: dict[str, Any] = json.loads(get_text(url))
    return found
