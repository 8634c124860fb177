"""Trees compiled to machine code score as the native library does, or are not used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from aurify.models import compiled_booster
from aurify.models.booster import Booster
from aurify.models.compiled_booster import CompiledBooster, FolderOfCodes, compiled
from aurify.models.fitted import FittedModel
from aurify.models.registry import RECORD, Registry
from aurify.workflows import codes
from aurify.workflows.codes import CodesOfVersion

ROWS = 3000


def fitted(objective: str = "binary", rounds: int = 25, **more: Any) -> FittedModel:
    draw = np.random.default_rng(3)
    x = draw.normal(size=(ROWS, 4))
    x[:, 3] = draw.integers(0, 12, ROWS)
    x[draw.random(x.shape) < 0.05] = np.nan
    odds = np.nan_to_num(x[:, 0]) + np.sin(np.nan_to_num(x[:, 1])) + 0.2 * np.nan_to_num(x[:, 3])
    label = draw.random(ROWS) < 1 / (1 + np.exp(1 - odds)) if objective == "binary" else np.exp(odds / 4)
    data = lightgbm.Dataset(x, label=label.astype(float), feature_name=list("abcd"), categorical_feature=["d"])
    parameters = {"objective": objective, "num_leaves": 15, "verbosity": -1, "num_threads": 1, **more}
    booster = lightgbm.train(parameters, data, rounds)
    text = booster.model_to_string()
    return FittedModel(dict.fromkeys("abcd", "double"), (), Booster(text, tuple("abcd")))


def columns(rows: int = 500) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(8)
    found = {name: draw.normal(size=rows) * 2 for name in "abc"} | {"d": draw.integers(-1, 15, rows).astype(float)}
    for values in found.values():
        values[draw.random(rows) < 0.1] = np.nan
    return found


@pytest.mark.parametrize("objective", ["binary", "regression"])
def test_compiled_trees_score_as_the_native_library(objective: str, tmp_path: Path) -> None:
    model = fitted(objective)
    found = compiled(model, FolderOfCodes(tmp_path))
    assert found.why_not == ""
    assert isinstance(found.model.learned, CompiledBooster)
    again = FittedModel.of_files(found.model.files())
    assert np.abs(again.predict(columns()) - model.predict(columns())).max() < 1e-12
    assert len(list(tmp_path.glob("*.o"))) == 1


def test_a_split_by_what_is_missing_alone_is_compiled(tmp_path: Path) -> None:
    x = np.zeros((ROWS, 4))
    x[::3, 0] = np.nan
    data = lightgbm.Dataset(x, label=np.isnan(x[:, 0]).astype(float), feature_name=list("abcd"))
    text = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 5).model_to_string()
    assert "inf" in text.split("threshold=")[1].splitlines()[0]
    model = FittedModel(dict.fromkeys("abcd", "double"), (), Booster(text, tuple("abcd")))
    assert compiled(model, FolderOfCodes(tmp_path)).why_not == ""


def test_code_for_another_processor_is_not_run(tmp_path: Path) -> None:
    model = fitted()
    learned = compiled(model, FolderOfCodes(tmp_path)).model.learned
    assert isinstance(learned, CompiledBooster)
    elsewhere = replace(learned, built_for="another", code=b"never read")
    assert elsewhere.predict(columns()).tolist() == model.learned.predict(columns()).tolist()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averaged"),
        ({"linear_tree": True}, "linear trees"),
        ({"objective": "poisson"}, "the objective poisson"),
        ({"rounds": 3}, "3 trees, fewer than features"),
    ],
)
def test_what_is_not_compiled_is_scored_natively_and_the_reason_told(
    more: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    model = fitted(**more)
    found = compiled(model, FolderOfCodes(tmp_path))
    assert found.model is model
    assert reason in found.why_not


def test_code_that_scores_otherwise_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_booster, "_loaded", lambda text, code: lambda rows: np.zeros(len(rows)))
    model = fitted()
    found = compiled(model, FolderOfCodes(tmp_path))
    assert found.model is model
    assert "differ" in found.why_not


def test_code_goes_with_the_version_to_another_machine_and_only_as_it_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, model = Registry(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"), "tests"), fitted()
    with registry.run("m", {}) as run:
        registry.register("m", run, model, {RECORD: "made of this"}, [])

    compile_, are_read = compiled_booster._compile, list[bool]()

    def watched(text: str, folder: Path, code: Path) -> Any:
        are_read.append(code.exists())
        return compile_(text, folder, code)

    monkeypatch.setattr(compiled_booster, "_compile", watched)

    def code_on(machine: str) -> list[Path]:
        are_read.clear()
        monkeypatch.setattr(codes, "cache_root", lambda: tmp_path / machine)
        assert compiled(model, CodesOfVersion(registry, registry.version("m", 1))).why_not == ""
        return list((tmp_path / machine).rglob("*.o"))

    (made,) = code_on("first")
    assert False in are_read
    (brought,) = code_on("second")
    assert all(are_read)
    assert brought.read_bytes() == made.read_bytes()
    (kept,) = (tmp_path / "artifacts").rglob("*.o")
    kept.write_bytes(b"another")
    (again,) = code_on("third")
    assert False in are_read
    assert again.read_bytes() != b"another"
