"""LightGBM's trees as machine code, compiled once on the driver; the native library where the code does not fit.

lleaves (Boehm, "lleaves, an LLVM-based compiler for LightGBM decision trees") makes it for one processor.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from aurify.models.booster import TEXT, Booster, booster_of
from aurify.models.columns import Columns, Numbers, matrix
from aurify.models.fitted import FittedModel

CODE, BUILT_FOR = "trees.o", "built_for.txt"
OBJECTIVES = ("binary", "regression", "regression_l1", "huber", "quantile", "cross_entropy")
MOST_DIFFERENCE = 1e-9
_CHECKED_ROWS = 2000
Predict = Callable[[Numbers], Numbers]


@dataclass(frozen=True)
class CompiledBooster(Booster):
    """A model whose trees are also compiled for a processor; another one reads the text."""

    code: bytes
    built_for: str
    kind: ClassVar[str] = "lightgbm_compiled"

    def predict(self, columns: Columns) -> Numbers:
        """The probability of 1, or of a regression the value."""
        if self.built_for != processor():
            return super().predict(columns)
        rows = matrix(columns, self.features)
        if not len(rows):
            return np.empty(0)
        return _loaded(self.text, self.code)(rows)

    def files(self) -> dict[str, bytes]:
        """Text, code, and the processor that it is for."""
        return {**super().files(), CODE: self.code, BUILT_FOR: self.built_for.encode()}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> CompiledBooster:
        """What `files` gave."""
        booster = Booster.of_files(files)
        return cls(booster.text, booster.features, files[CODE], files[BUILT_FOR].decode())


@dataclass(frozen=True)
class Compilation:
    """A model that scores, and why its trees are not compiled; empty where they are."""

    model: FittedModel
    why_not: str = ""


class Codes(Protocol):
    """Where code is kept, by a name that tells model, processor and compiler."""

    def find(self, name: str) -> bytes | None:
        """The code of a name; None where it is not kept."""

    def keep(self, name: str, code: bytes) -> None:
        """Keep the code of a name."""


@dataclass(frozen=True)
class FolderOfCodes:
    """Code in the files of a folder."""

    folder: Path

    def find(self, name: str) -> bytes | None:
        """The code of a name; None where it is not kept."""
        kept = self.folder / f"{name}.o"
        return kept.read_bytes() if kept.exists() else None

    def keep(self, name: str, code: bytes) -> None:
        """Keep the code of a name, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f"{name}.{os.getpid()}"
        unfinished.write_bytes(code)
        unfinished.replace(self.folder / f"{name}.o")


def compiled(model: FittedModel, codes: Codes) -> Compilation:
    """The model with its trees compiled for this processor, where lleaves can and gives what the native library gives.

    Some seconds for hundreds of trees, where `codes` does not have the code yet.
    """
    learned = model.learned
    why_not = _why_not(learned) if isinstance(learned, Booster) else f"a model of kind {learned.kind}"
    if why_not or not isinstance(learned, Booster):
        return Compilation(model, why_not)
    try:
        code = _code(learned.text, codes)
        difference = _difference(learned, code)
    except Exception as error:  # noqa: BLE001 - the native library scores all the same
        return Compilation(model, f"lleaves: {type(error).__name__}: {error}".splitlines()[0])
    if difference > MOST_DIFFERENCE:
        return Compilation(model, f"its scores differ by {difference:.1e}")
    made = CompiledBooster(learned.text, learned.features, code, processor())
    return Compilation(replace(model, learned=made))


def _why_not(learned: Booster) -> str:
    """What keeps lleaves from compiling a model; empty where nothing does."""
    if find_spec("lleaves") is None:
        return "no package lleaves: pip install 'aurify[models]'"
    said = dict(line.split("=", 1) for line in learned.text.split("\nTree=0")[0].splitlines() if "=" in line)
    objective = said.get("objective", "").split(" ")[0]
    if objective not in OBJECTIVES or said.get("num_class", "1") != "1":
        return f"the objective {objective or 'none'}"
    if "\naverage_output\n" in learned.text:
        return "trees that are averaged"
    if learned.is_linear:
        return "linear trees"
    # measured: each feature of a row costs more on its way into the code than into the native library
    trees = learned.text.count("\nTree=")
    return f"{trees} trees, fewer than features" if trees < len(learned.features) else ""


@lru_cache(maxsize=1)
def processor() -> str:
    """The processor and compiler that code is made for and by; code of another one is not run."""
    import llvmlite.binding as llvm

    features = ",".join(sorted(name for name, there in llvm.get_host_cpu_features().items() if there))
    parts = (platform.machine(), llvm.get_process_triple(), llvm.get_host_cpu_name(), features)
    made_by = f"lleaves {version('lleaves')}, llvmlite {version('llvmlite')}"
    return f"{parts[2]} {hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16]}, {made_by}"


def _code(text: str, codes: Codes) -> bytes:
    """The trees as machine code, as it is kept or compiled now."""
    name = hashlib.sha256(f"{processor()}\0{text}".encode()).hexdigest()[:32]
    kept = codes.find(name)
    if kept is not None:
        return kept
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, CODE)
        _compile(text, Path(folder), made)
        code = made.read_bytes()
    codes.keep(name, code)
    return code


def _compile(text: str, folder: Path, code: Path) -> Predict:
    """Compile the trees into the file `code`, or read them from it where it is there."""
    import lleaves

    file = folder / TEXT
    file.write_text(text, encoding="utf-8")
    model = lleaves.Model(model_file=str(file))
    model.compile(cache=str(code))
    return lambda rows: np.asarray(model.predict(rows, n_jobs=1), np.float64)


@lru_cache(maxsize=4)
def _loaded(text: str, code: bytes) -> Predict:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, CODE)
        made.write_bytes(code)
        return _compile(text, Path(folder), made)


def _difference(learned: Booster, code: bytes) -> float:
    """The largest difference to the native library on rows at and around the splits, and with values missing."""
    draw = np.random.default_rng(0)
    thresholds = [
        float(value)
        for line in learned.text.splitlines()
        if line.startswith("threshold=")
        for value in line.removeprefix("threshold=").split()
    ]
    values = np.unique(np.asarray([0.0, *filter(math.isfinite, thresholds)]))  # infinite where only NaN splits
    rows = draw.choice(values, (_CHECKED_ROWS, len(learned.features)))
    rows += draw.choice([-1e-3, 0.0, 1e-3], rows.shape) * np.maximum(np.abs(rows), 1.0)
    rows[draw.random(rows.shape) < 0.1] = np.nan
    native = np.asarray(booster_of(learned.text).predict(rows, num_threads=1), np.float64)
    return float(np.abs(_loaded(learned.text, code)(rows) - native).max())
