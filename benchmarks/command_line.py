"""`cli`: whole processes, from the shell's point of view: a mistake told, --help, a plan and a refresh of nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks import program, results
from benchmarks.work import WARM_UP_DAYS, WARM_UP_ROWS

RUNS = 5


def measure(scratch: Path) -> None:
    """The median of five runs each; each command must end with the code that is expected of it."""
    sources, warehouse = str(scratch / "sources"), str(scratch / "aurify")
    made = program.run("benchmarks.work:generate", out=sources, days=WARM_UP_DAYS, rows_per_day=WARM_UP_ROWS)
    program.run("benchmarks.work:aurify", sources=sources, warehouse=warehouse)
    broken = _with_a_mistake(scratch / "broken")
    here = {**os.environ, "AURIFY_SOURCES": sources, "AURIFY_WAREHOUSE": warehouse, "PYTHONPATH": program.PYTHON_PATH}
    commands: dict[str, tuple[Sequence[str], int]] = {
        "mistake": (["plan", "--project", str(broken)], 2),
        "help": (["--help"], 0),
        "plan": (["plan"], 0),
        "refresh": (["refresh"], 0),
    }
    seconds = {name: [_seconds(a, code, here) for _ in range(RUNS)] for name, (a, code) in commands.items()}
    medians = {name: round(median(found), 3) for name, found in seconds.items()}
    results.write("cli", {"lake": made["returned"]}, {}, {"median_s": medians, "all_s": seconds})


def _with_a_mistake(project: Path) -> Path:
    for name in ("conf", "quality", "platform/retail"):
        shutil.copytree(program.ROOT / name, project / name)
    file = project / "platform/retail/tables/silver_pos_lines.py"
    file.write_text(file.read_text(encoding="utf-8").replace('keys=["line_id"]', 'keys=["line_idd"]'), encoding="utf-8")
    return project


def _seconds(arguments: Sequence[str], expected: int, environment: Mapping[str, str]) -> float:
    command = [sys.executable, "-m", "aurify", *arguments]
    began = time.monotonic()
    ended = subprocess.run(command, cwd=program.ROOT, env=environment, capture_output=True, check=False)
    took = time.monotonic() - began
    if ended.returncode != expected:
        raise SystemExit(f"aurify {' '.join(arguments)} ended with {ended.returncode}: {ended.stderr.decode()}")
    return round(took, 3)
