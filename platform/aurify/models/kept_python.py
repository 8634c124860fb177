"""Fitted Python estimators as bytes, and back: by skops, which runs nothing of what it reads, never by pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from importlib import import_module
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from aurify.errors import ConfigurationError
from aurify.models.python_reference import class_at

SCHEMA = "schema.json"
# Types that hold values and do nothing; LightGBM's estimators are kept with them.
HARMLESS = frozenset({"collections.OrderedDict", "collections.defaultdict"})
# Values that skops reads the same, whether or not two of them were one object.
_VALUES = ("JsonNode", "TypeNode")


def kept(estimator: Any, paths: Iterable[str]) -> bytes:
    """The estimator as bytes, the same for the same content; ConfigurationError where it can't be kept."""
    from skops.io import dumps

    try:
        content = _settled(dumps(estimator))
    except Exception as error:
        raise _unkeepable(f"{type(error).__name__}: {error}") from error
    restored(content, paths)
    return content


def restored(content: bytes, paths: Iterable[str]) -> Any:
    """The estimator that `kept` gave; ConfigurationError where it is anything else.

    It may hold what skops trusts, and classes of the packages that `paths` are in. That keeps out code, not harm: a
    tree with branches that lead nowhere may still end the process (see skops' `UNTRUSTED_TYPE_REASONS`).
    """
    from skops.io import get_untrusted_types, loads

    packages = {class_at(path).__module__.partition(".")[0] for path in paths}
    try:
        asked = get_untrusted_types(data=content)
        foreign = [name for name in asked if not _is_own(name, packages)]
        if not foreign:
            return loads(content, trusted=asked)
    except Exception as error:
        raise _unkeepable(f"{type(error).__name__}: {error}") from error
    raise _unkeepable(", ".join(foreign))


def _unkeepable(found: str) -> ConfigurationError:
    expected = "an estimator that skops keeps, made of classes of its own package"
    return ConfigurationError.of("estimator", found, expected, "leave out what holds functions or other packages")


def _is_own(name: str, packages: set[str]) -> bool:
    """Whether it is a class that one of the packages defines: what it merely imports is none."""
    if name in HARMLESS:
        return True
    module, _, own = name.rpartition(".")
    if module.partition(".")[0] not in packages:
        return False
    found = getattr(import_module(module), own, None)
    return isinstance(found, type) and found.__module__.partition(".")[0] in packages


def _settled(content: bytes) -> bytes:
    """What skops wrote without addresses in memory and the time, which differ from fit to fit."""
    with zipfile.ZipFile(BytesIO(content)) as given:
        found = {name: given.read(name) for name in given.namelist()}
    numbers: dict[object, int] = {}

    def settled(node: Any) -> Any:
        if isinstance(node, list):
            return [settled(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        is_value = node.get("__loader__") in _VALUES
        made = {name: settled(inner) for name, inner in node.items() if name != "__id__" or not is_value}
        if isinstance(made.get("__id__"), int):
            made["__id__"] = 1 + numbers.setdefault(made["__id__"], len(numbers))
        if isinstance(made.get("file"), str) and made["file"] in found:
            made["file"] = names.setdefault(made["file"], f"{len(names)}{PurePosixPath(made['file']).suffix}")
        return made

    names: dict[str, str] = {}
    schema = json.dumps(settled(json.loads(found.pop(SCHEMA)))).encode()
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for name, inner in [*((names[name], found[name]) for name in names), (SCHEMA, schema)]:
            made.writestr(zipfile.ZipInfo(name), inner, zipfile.ZIP_DEFLATED, 6)
    return written.getvalue()
