"""The record of a model: all that it is made of, so that the same record trains the same model on the same cores."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurify.models.declare import ModelSpec
from aurify.version import __version__
from aurify.workflows.training_rows import TrainingRows

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

PACKAGES = ("lightgbm", "mlflow", "numpy", "pyarrow", "scikit-learn", "synapseml")


def record_of(lake: Lake, spec: ModelSpec, rows: TrainingRows) -> dict[str, Any]:
    """What the model is made of, for JSON: data by version, dates, declarations, code, suites, environment."""
    tables = [spec.data.labels, *spec.data.views]
    return {
        "model": spec.name,
        "training_set": rows.made.path,
        "versions": dict(rows.made.versions),
        "dates": rows.dates.as_dict(),
        "features": list(rows.features),
        "target": spec.data.target,
        "estimator": plain(spec.estimator),
        "stages": [plain(stage) for stage in spec.stages],
        "search": plain(spec.search),
        "metric": spec.metric,
        "gate": plain(spec.gate),
        "weight": spec.weight,
        "workers": spec.workers,
        "seed": spec.seed,
        "code": _sum(inspect.getsource(spec.function)),
        "suites": {name: _sum_of_file(lake.suite_path(name)) for name in tables},
        "environment": environment(lake),
    }


def fingerprint(record: Mapping[str, Any]) -> str:
    """A hash of a record."""
    return _sum(json.dumps(record, sort_keys=True, default=str))


def environment(lake: Lake) -> dict[str, str]:
    """Python, the packages that decide what is learned, and the master of the session."""
    # On a cluster engine and PySpark are no installed packages.
    found = {"python": platform.python_version(), "system": f"{sys.platform} {platform.machine()}"}
    found |= {"aurify": __version__, "pyspark": str(lake.session.version)}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "master": str(lake.session.sparkContext.master)}


def plain(value: Any) -> Any:
    """A declaration as plain values, each dataclass with the name of its kind."""
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **told}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sum_of_file(path: Path) -> str | None:
    return _sum(path.read_text(encoding="utf-8")) if path.exists() else None
