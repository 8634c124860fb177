"""What is asked of models and jobs by a wrong name is one clear error, exit 2, and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from aurify.cli.main import main

WriteFiles = Callable[[Path, Mapping[str, str]], Path]

JOBS = Path(__file__).parents[2] / "jobs"
RISK = """
    from datetime import timedelta

    from aurify import Append, ByTime, Training, Upsert, Window, changes, feature_view, folder, model, table
    from aurify.models import LightGBM

    DAY = timedelta(days=1)

    @table("bronze.paid", inputs={"files": folder("paid")}, write=Append(), owner="shop",
           columns="id string, card string, at string, day string, is_fraud string")
    def bronze_paid(files):
        "One row a line."
        return files

    @table("silver.paid", inputs={"lines": changes("bronze.paid")}, keys=["id"], time="at", owner="shop",
           write=Upsert(order_by="at", locate_by="day"),
           columns="id bigint, card string, at timestamp, day date, is_fraud double")
    def silver_paid(lines):
        "The newest line of an id."
        return lines

    @feature_view("gold.cards", inputs={"paid": changes("silver.paid")}, entity="card", event_time="at", by="day",
                  columns="id bigint, card string, at timestamp, day date", keys=["id"],
                  features=[Window("count", 3 * DAY)], owner="shop")
    def cards(paid):
        "A payment."
        return paid

    @model("risk", data=Training("silver.paid", ("gold.cards",), "is_fraud", "at"), owner="shop",
           split=ByTime(train=9 * DAY, test=DAY), estimator=LightGBM({"objective": "binary"}))
    def risk(rows):
        "How likely a payment is a fraud."
        return rows
"""
NO_MODEL, NO_VERSION = "no such model", "a version: aurify train makes one"
WRONG = {
    "train risky": NO_MODEL,
    "models list risky": NO_MODEL,
    "models show risky": NO_MODEL,
    "models card risky": NO_MODEL,
    "models compare risky 1 2": NO_MODEL,
    "models promote risky 1": NO_MODEL,
    "models rollback risky": NO_MODEL,
    "models show risk": NO_VERSION,
    "models show risk nine": NO_VERSION,
    "models card risk 9": NO_VERSION,
    "models compare risk champion 9": NO_VERSION,
    "models promote risk 9": NO_VERSION,
    "models rollback risk": "no champion before this one",
    "models export risky --onnx risky.onnx": NO_MODEL,
    "models export risk --onnx risk.onnx": NO_VERSION,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, write_files: WriteFiles) -> Path:
    """A project with a model that nobody trained."""
    return write_files(tmp_path_factory.mktemp("risk"), {"platform/shop/tables/risk.py": RISK})


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_name_or_version_is_one_error(root: Path, words: str) -> None:
    told = CliRunner().invoke(main, [*words.split(), "--project", str(root)])
    assert told.exit_code == 2, told.output
    assert WRONG[words] in told.stderr
    assert told.stderr.count("  - ") == 1
    assert "Traceback" not in told.stderr
    document = json.loads(CliRunner().invoke(main, [*words.split(), "--json", "--project", str(root)]).stdout)
    assert (document["exit_code"], len(document["problems"])) == (2, 1)


def test_a_project_without_versions_lists_none(root: Path) -> None:
    told = CliRunner().invoke(main, ["models", "list", "--project", str(root)])
    assert (told.exit_code, told.stdout) == (0, "no version yet: aurify train MODEL\n")


def ended(job: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(JOBS / f"{job}.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_job_that_is_asked_for_a_wrong_name_ends_with_its_error(root: Path) -> None:
    for told, expected in (
        (ended("train_model", "risky", "--project", root), "did you mean 'risk'?"),
        (ended("score_batch", "risky", "--project", root), "did you mean 'risk'?"),
        (ended("monitor_drift", "risky", "--project", root), "did you mean 'risk'?"),
        (ended("refresh_tables", "silver.pay", "--project", root), "silver.pay"),
        (ended("refresh_tables", "--env", "nowhere", "--project", root), "nowhere"),
    ):
        assert (told.returncode, told.stdout) == (2, ""), told.stderr
        assert expected in told.stderr
        assert "Traceback" not in told.stderr


@pytest.mark.parametrize("job", sorted(path.stem for path in JOBS.glob("*.py")))
def test_every_job_tells_what_it_takes(job: str) -> None:
    told = ended(job, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert "--env" in told.stdout
