"""A search whose process is killed goes on with what was done; so does one that is stopped, in `test_search.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurify.models.search import Real, Search, search
from tests.integration import searches
from tests.integration.searches import Stump, folds_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

optuna = pytest.importorskip("optuna")
pytest.importorskip("lightgbm")

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.kills
def test_a_search_whose_process_was_killed_goes_on_with_what_was_done(spark: SparkSession, tmp_path: Path) -> None:
    fits = tmp_path / "fits"
    command = [sys.executable, "-m", "tests.integration.searches", str(tmp_path), str(fits), "3"]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}", "PYSPARK_PYTHON": sys.executable}
    with (tmp_path / "said").open("w+", encoding="utf-8") as said:
        killed = subprocess.run(command, cwd=ROOT, env=env, stdout=said, stderr=said, timeout=400, check=False)
    assert killed.returncode == -9, (tmp_path / "said").read_text(encoding="utf-8")
    assert set(fits.read_text(encoding="utf-8").split()) == {"search-0", "search-1"}, "with FAIR, a pool for each side"
    estimator = Stump(before=partial(searches.note_and_kill, fits=fits, kill_at=0))
    declared = Search({"threshold": Real(0.0, 1.0)}, trials=4, sampler="random")
    found = search(declared, estimator, folds_of(spark, str(tmp_path), weeks=1), "f1", store=tmp_path, study="killed")
    kept = optuna.load_study(study_name=found.study, storage=f"sqlite:///{tmp_path}/{found.study}/trials.sqlite")
    states = [trial.state.name for trial in kept.trials]
    assert [trial.state for trial in found.trials] == ["finished"] * 4
    assert states.count("FAIL") in (1, 2), "those that ran when it was killed"
    assert states.count("COMPLETE") == 4
