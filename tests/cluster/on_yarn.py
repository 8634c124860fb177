"""What the tests of submissions share: tables that are compared, the command line over there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hdfs_native import Client

from aurify.storage import Storage
from aurify.workflows.lake import Lake
from tests.cluster.processes import REPOSITORY

PATIENCE_S = 900
TABLES = ("silver.pos_lines", "gold.daily_sales", "silver.card_payments", "gold.customer_payments")
Aurify = Callable[..., "subprocess.CompletedProcess[str]"]


def assert_same_tables(local: Lake, warehouse: str) -> None:
    """The tables of a warehouse are those of the local lake, row for row."""
    for table in TABLES:
        here = local.read(table)
        there = local.session.read.format("delta").load(f"{warehouse}/{table.replace('.', '/')}")
        there = there.select(*here.columns)
        assert here.count() > 0, table
        assert here.exceptAll(there).count() == 0, table
        assert there.exceptAll(here).count() == 0, table


def put_sources(folder: Path, root: str, place: str) -> None:
    """Copy deliveries to a folder of HDFS, with their times: a delivery is dated by it."""
    storage, client = Storage(), Client(root)
    for file in folder.rglob("*"):
        if file.is_file():
            there, changed = f"{place}/{file.relative_to(folder)}", file.stat().st_mtime_ns // 1_000_000
            storage.upload(file, f"{root}{there}")
            client.set_times(there, changed, changed)


def document_of(ran: subprocess.CompletedProcess[str]) -> Mapping[str, Any]:
    """What a call with `--json` told."""
    assert ran.stdout, ran.stderr
    told: Mapping[str, Any] = json.loads(ran.stdout)
    return told


def command_line(environment: Mapping[str, str]) -> Aurify:
    """Calls of `aurify` in an environment; words are its arguments, names more variables."""

    def call(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, **environment, **more}
        command = [sys.executable, "-m", "aurify", *words]
        return subprocess.run(
            command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )

    return call
