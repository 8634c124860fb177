"""The programs of jobs/, as an administrator starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
JOBS = sorted((REPOSITORY / "jobs").glob("*.py"))


def _run(job: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AURIFY_ENV": "nowhere", "PYTHONPATH": str(REPOSITORY / "platform")}
    command = [sys.executable, str(job), *words]
    return subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_there_is_one_for_each_of_the_main_flows() -> None:
    assert [job.stem for job in JOBS] == [
        "maintain_tables",
        "monitor_drift",
        "refresh_tables",
        "score_batch",
        "train_model",
    ]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_takes_its_environment_from_outside(job: Path) -> None:
    words = ["card_fraud"] if job.stem in ("monitor_drift", "score_batch", "train_model") else []
    refused = _run(job, *words)
    assert refused.returncode == 2
    assert "the environment 'nowhere'" in refused.stderr
