"""`submission`: the same refresh on this machine and on a YARN of this machine, and what a submission costs.

The cluster is the one of the tests: two nodes on the cores of this machine, so that nothing is won by more of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurify.storage import Storage
from benchmarks import program, results
from tests.cluster.hadoop.cluster import Hadoop
from tests.cluster.on_yarn import put_sources

DAYS, ROWS = 3, 20_000


def measure(scratch: Path) -> None:
    """First submission, second one with nothing new, and all tables made anew, there and here."""
    sources = scratch / "sources"
    made = program.run("benchmarks.work:generate", out=str(sources), days=DAYS, rows_per_day=ROWS)
    here = {"AURIFY_ENV": "local", "AURIFY_WAREHOUSE": str(scratch / "lake"), "AURIFY_SOURCES": str(sources)}
    _run(here, "refresh", "--json")
    local = _run(here, "refresh", "--full", "--json")
    local.pop("said")
    with Hadoop(scratch / "hadoop") as hadoop:
        there = {
            **hadoop.env,
            "AURIFY_ENV": "yarn",
            "AURIFY_WAREHOUSE": f"{hadoop.hdfs_uri}/lake",
            "AURIFY_SOURCES": f"{hadoop.hdfs_uri}/sources",
        }
        os.environ.update(hadoop.env)
        put_sources(sources, hadoop.hdfs_uri, "/sources")
        first = _submitted(there, "refresh")
        second = _submitted(there, "refresh")
        full = _submitted(there, "refresh", "--full")
    ratios = {
        "over_local": {"refresh_full": results.ratio(full["wall_s"], local["wall_s"])},
        "bytes_second_time": {"ours": sum(second["sent_bytes"].values())},
    }
    measured = {"local_full": local, "first": first, "second": second, "full": full}
    results.write("submission", {"lake": made["returned"]}, ratios, measured)


def _submitted(environment: Mapping[str, str], *words: str) -> dict[str, Any]:
    """A submission to its end: its parts, what was sent, and when the first task began."""
    ran = _run(environment, "submit", "--json", "--", *words)
    said = ran.pop("said")
    events = Storage().read(f"{environment['AURIFY_WAREHOUSE']}/_submitted/events/{said['application']}") or b""
    parts = {name: said[name] for name in ("seconds", "sent_bytes")}
    return {**ran, **parts, "first_task_s": _first_task(events, ran["started"])}


def _run(environment: Mapping[str, str], *words: str) -> dict[str, Any]:
    """One command of aurify to its end, and what it said as JSON."""
    started = time.time()
    ran = subprocess.run(
        [sys.executable, "-m", "aurify", *words],
        cwd=program.ROOT,
        env={**os.environ, **environment, "PYTHONPATH": program.PYTHON_PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"aurify {' '.join(words)} ended with {ran.returncode}: {ran.stderr[-2000:]}")
    return {"started": started, "wall_s": round(time.time() - started, 2), "said": json.loads(ran.stdout)}


def _first_task(events: bytes, started: float) -> float | None:
    """Seconds from the command to the start of the first task; None where there was none."""
    told = (json.loads(line) for line in events.splitlines())
    starts = [event["Task Info"]["Launch Time"] for event in told if event["Event"] == "SparkListenerTaskStart"]
    return round(min(starts) / 1000 - started, 2) if starts else None
