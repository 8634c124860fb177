"""`manifest.json`: what a package is made of, by name and hash. The same package has the same manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aurify.deploy.artifact import whole

MANIFEST = "manifest.json"
FORMAT = 1


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest of a package."""
    with whole(path) as aside:
        aside.write_text(json.dumps({"format": FORMAT, **content}, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def named_before(output: Path) -> dict[str, str]:
    """The files of the manifest there is, with what they were made from; none where there is none that can be read."""
    try:
        kinds = json.loads((output / MANIFEST).read_text(encoding="utf-8"))["artifacts"]
        return {str(one["name"]): str(one["made_from"]) for files in kinds.values() for one in files}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def sweep(output: Path, before: Iterable[str], now: Iterable[str]) -> None:
    """Remove what an earlier package left and this one has not; files that no manifest named stay."""
    for name in set(before) - set(now):
        path = (output / name).resolve()
        if path.is_relative_to(output.resolve()):
            path.unlink(missing_ok=True)
