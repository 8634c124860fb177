"""Suites as they were: kept beside their table by fingerprint, so that a result of long ago can be told whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aurify.errors import ConfigurationError
from aurify.quality import Suite
from aurify.quality.exchange import as_theirs

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


def keep_suite(lake: Lake, suite: Suite) -> None:
    """Keep what a suite says, before a batch that it judges is published."""
    if suite.entries:
        path = _path(lake, suite.table, suite.fingerprint)
        if not lake.storage.exists(path):
            lake.storage.create(path, json.dumps(as_theirs(suite), indent=1).encode())


def kept_suite(lake: Lake, table: str, fingerprint: str) -> dict[str, Any] | None:
    """The suite of a fingerprint in Great Expectations' form; None where it was empty, or is no longer there."""
    content = lake.storage.read(_path(lake, table, fingerprint))
    return json.loads(content) if content else None


def exported(lake: Lake, table: str) -> Mapping[str, Any]:
    """The suite of a table as Great Expectations reads it; ConfigurationError where it expects nothing."""
    lake.spec(table)
    suite = lake.suites[table]
    if not suite.entries:
        hint = f"write it, or let it be proposed: aurify profile {table}"
        raise ConfigurationError.of(table, "no suite", "a suite with expectations", hint)
    return as_theirs(suite)


def _path(lake: Lake, table: str, fingerprint: str) -> str:
    return f"{lake.target(table).path}/_aurify/suites/{fingerprint}.json"
