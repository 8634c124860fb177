"""The result of a benchmark: what was measured, where, when, on what, and the ratios that matter."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

import psutil

from benchmarks.program import DRIVER_MEMORY, MASTER, ROOT

PACKAGES = ("pyspark", "delta-spark", "deltalake", "pyarrow", "pandas")


def write(name: str, rows: Mapping[str, int], ratios: Mapping[str, Any], measured: Mapping[str, Any]) -> None:
    """Write `results/NAME.json`, and say where the ratios stand."""
    document = {
        "benchmark": name,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "rows": dict(rows),
        "ratios": dict(ratios),
        "measured": dict(measured),
    }
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {json.dumps(document['ratios'], indent=1)}")


def read(name: str) -> dict[str, Any] | None:
    """The result on disk."""
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    document: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return document


def machine() -> dict[str, Any]:
    """Cores, memory, and how busy the machine was before the run."""
    return {
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load": [round(value, 2) for value in os.getloadavg()],
        "master": MASTER,
        "driver_memory": DRIVER_MEMORY,
    }


def versions() -> dict[str, str]:
    """Python, Java and the packages that decide the speed."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    return {"python": platform.python_version(), "java": java[0] if java else "", **{p: version(p) for p in PACKAGES}}


def ratio(one: float, other: float) -> float:
    """One by the other, in thousandths."""
    return round(one / other, 3) if other else 0.0
