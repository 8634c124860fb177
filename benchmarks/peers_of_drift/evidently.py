"""Evidently: its preset of drift over two pandas frames, as its guides show; no Spark, no column told apart."""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from benchmarks.drift_rows import CATEGORIES, NUMBERS

PREFIX = "Value Drift for column "


def _main(said: str, answer: str) -> None:
    told = json.loads(said)
    most = told["memory_mb"] << 20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    began = time.monotonic()
    reference, batch = (_read(told[name]) for name in ("reference", "batch"))
    read = time.monotonic()
    found = Report([DataDriftPreset()], include_tests=True).run(batch, reference).dict()
    ended = time.monotonic()
    document = {
        "found": sorted(_column(test) for test in found["tests"] if _column(test) and "FAIL" in str(test["status"])),
        "costs": {
            "read_s": round(read - began, 3),
            "report_s": round(ended - read, 3),
            "cpu_s": round(time.process_time(), 3),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        },
        "versions": {name: version(name) for name in ("evidently", "pandas", "numpy")},
    }
    Path(answer).write_text(json.dumps(document), encoding="utf-8")


def _read(folder: str) -> Dataset:
    definition = DataDefinition(numerical_columns=NUMBERS, categorical_columns=CATEGORIES)
    return Dataset.from_pandas(pd.read_parquet(folder), data_definition=definition)


def _column(test: dict[str, Any]) -> str:
    name = str(test["name"])
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""


if __name__ == "__main__":
    _main(*sys.argv[1:])
