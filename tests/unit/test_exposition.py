"""Metrics of a lake that no batch has reached, and of batches that the ledger knows, told without a JVM."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import aurify
from aurify.cli.main import main
from aurify.errors import EnvironmentFailure
from aurify.monitoring.exposition import FAMILIES, Sample, exposition, serve
from aurify.publish.balance import Balance
from aurify.workflows.metrics import metrics
from tests.unit.test_model_commands import RISK

WriteProject = Callable[[Mapping[str, str]], Path]
LINES = """
    from aurify import Append, folder, table

    @table("bronze.lines", inputs={"rows": folder("lines")}, columns="code string", write=Append(), owner="shop")
    def lines(rows):
        "One row per line."
        return rows
"""


@pytest.fixture
def root(write_project: WriteProject) -> Path:
    return write_project({"platform/shop/tables/bronze_lines.py": LINES})


def told(samples: list[Sample]) -> dict[str, dict[tuple[str, ...], float]]:
    """The values by metric, and by labels but `env`."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for sample in samples:
        found.setdefault(sample.family, {})[sample.labels[1:]] = sample.value
    return found


def batch(generation: int, number: int, second: int, took: int, **counts: int) -> dict[str, Any]:
    """A row of the ledger, recorded at some second and committed `took` seconds later."""
    return {
        "table": "bronze.lines", "generation": generation, "batch": number, **Balance(**counts).as_dict(),
        "recorded_at": f"2024-05-01T10:00:{second:02}.000+00:00",
        "committed_at": datetime(2024, 5, 1, 10, 0, second + took, tzinfo=timezone.utc),
    }  # fmt: skip


def test_batches_are_added_up_and_the_last_is_told_alone(root: Path) -> None:
    lake = aurify.connect(project=root)
    batches = [
        batch(2, 1, 30, 5, read=40, assayed=40, inserted=40),
        batch(1, 2, 20, 4, read=8, assayed=8, inserted=6, quarantined=2),
        batch(1, 1, 10, 1, read=5, assayed=5, inserted=5),
    ]
    lake.batches_ledger.append(batches, {"bronze.lines": (2, 1)})
    found = told(metrics(lake))
    rows = {outcome: rows for (_, outcome), rows in found["aurify_table_rows_total"].items() if rows}
    assert rows == {"read": 53, "assayed": 53, "inserted": 51, "quarantined": 2}
    own = {name: values["bronze.lines",] for name, values in found.items() if ("bronze.lines",) in values}
    assert own["aurify_table_batches_total"] == 3
    assert own["aurify_table_batch_seconds_total"] == 10
    assert own["aurify_table_last_batch_seconds"] == 5
    assert own["aurify_table_last_batch_rows_per_second"] == 8
    assert own["aurify_table_published_timestamp_seconds"] == batches[0]["committed_at"].timestamp()
    assert "aurify_table_data_delay_seconds" not in own


def test_a_lake_that_is_new_has_counters_of_0_and_nothing_is_made(root: Path) -> None:
    lake = aurify.connect(project=root)
    found = told(metrics(lake))
    assert found["aurify_table_batches_total"] == {("bronze.lines",): 0}
    assert set(found["aurify_table_rows_total"].values()) == {0}
    assert "aurify_table_last_batch_seconds" not in found
    assert set(found["aurify_read_success"].values()) == {1}
    assert not (root / "lake").exists()
    text = exposition(lambda: metrics(lake)).decode()
    for family in FAMILIES.values():
        assert f"# TYPE {family.name} {family.kind}" in text


def test_a_ledger_that_can_not_be_read_makes_no_counter_begin_anew(root: Path) -> None:
    lake = aurify.connect(project=root)
    lake.batches_ledger.append([batch(1, 1, 1, 1, read=5)], {"bronze.lines": (1, 1)})
    for file in Path(lake.batches_ledger.path, "_delta_log").iterdir():
        file.write_text("odd")
    found = told(metrics(lake))
    assert found["aurify_read_success"] == {
        ("ledger", "batches"): 0,
        ("table", "bronze.lines"): 1,
        ("alerts", "open"): 1,
    }
    assert "aurify_table_rows_total" not in found
    assert found["aurify_table_open_batch"] == {("bronze.lines",): 0}


def test_a_registry_that_nobody_has_opened_is_not_made(write_project: WriteProject) -> None:
    root = write_project({"platform/shop/tables/risk.py": RISK})
    found = told(metrics(aurify.connect(project=root)))
    assert found["aurify_model_champion_version"] == {("risk",): 0}
    assert set(found["aurify_open_alerts"].values()) == {0}
    assert not (root / "lake").exists()


def test_the_command_serves_until_it_is_ended(root: Path) -> None:
    command = [sys.executable, "-m", "aurify", "metrics", "--serve", "0", "--project", str(root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        with urllib.request.urlopen(line.split(" at ")[1].strip(), timeout=60) as answer:
            assert "aurify_table_batches_total" in answer.read().decode()
        process.terminate()


def test_names_are_as_prometheus_wants_them() -> None:
    for name, family in FAMILIES.items():
        assert name.startswith("aurify_")
        assert name.endswith("_total") == (family.kind == "counter"), name
        assert not family.help.endswith("."), name


def test_a_document_and_options_that_do_not_go_together(root: Path, tmp_path: Path) -> None:
    asked = ["metrics", "--project", str(root)]
    shown = CliRunner().invoke(main, [*asked, "--json"])
    assert (shown.exit_code, '"outcome": "inserted"' in shown.stdout) == (0, True)
    wrong = CliRunner().invoke(main, [*asked, "--output", str(tmp_path / "a.prom"), "--serve", "0"])
    assert (wrong.exit_code, "one of them" in wrong.output) == (2, True)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EnvironmentFailure, match="a port that is free"):
            serve(list, "127.0.0.1", taken.getsockname()[1], 0)
