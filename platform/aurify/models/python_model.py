"""A fitted Python estimator, and how one is fitted on rows in memory."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from aurify.models.columns import Columns, Numbers, matrix
from aurify.models.kept_python import kept, restored
from aurify.models.python_reference import Python, is_classifier

if TYPE_CHECKING:
    import pandas as pd

KEPT, ABOUT = "estimator.skops", "python.json"
LABEL, WEIGHT, BY = "_label", "_weight", "_by"


@dataclass(frozen=True)
class PythonModel:
    """What skops kept of an estimator; `paths` are the classes that it was declared with."""

    content: bytes
    paths: tuple[str, ...]
    features: tuple[str, ...]
    kind: ClassVar[str] = "python"

    @cached_property
    def estimator(self) -> Any:
        """The estimator itself, read once."""
        return restored(self.content, self.paths)

    def predict(self, columns: Columns) -> Numbers:
        """The probability of 1, or of a regression the value."""
        return self.scores(matrix(columns, self.features))

    def scores(self, rows: Numbers) -> Numbers:
        """The same for a matrix of the features."""
        if not len(rows):
            return np.empty(0)
        if hasattr(self.estimator, "predict_proba"):
            return np.asarray(self.estimator.predict_proba(rows)[:, 1], np.float64)
        return np.asarray(self.estimator.predict(rows), np.float64).reshape(len(rows))

    def importance(self) -> Mapping[str, float]:
        """What the estimator tells as `feature_importances_`; coefficients hang on the features' units and tell not."""
        told = np.asarray(getattr(self.estimator, "feature_importances_", ()), np.float64)
        whole = float(told.sum())
        return {name: float(value) / whole for name, value in zip(self.features, told, strict=False)} if whole else {}

    def files(self) -> dict[str, bytes]:
        """What skops kept, and what it is."""
        about = {"paths": self.paths, "features": self.features}
        return {KEPT: self.content, ABOUT: json.dumps(about).encode()}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> PythonModel:
        """What `files` gave; ConfigurationError where skops didn't keep it, or it is of another package."""
        about = json.loads(files[ABOUT])
        found = cls(files[KEPT], tuple(about["paths"]), tuple(about["features"]))
        found.estimator  # noqa: B018 - what may not be read is refused now, not in the middle of scoring
        return found


def taught(reference: Python, features: tuple[str, ...], rows: pd.DataFrame, seed: int) -> PythonModel:
    """The estimator fitted on the prepared rows, in their order; whatever it raises, ValueError for what we refuse."""
    estimator = reference.built(seed)
    labels, others = _labels(rows[LABEL].to_numpy(np.float64), is_classifier(estimator)), {}
    if WEIGHT in rows:
        if "sample_weight" not in inspect.signature(estimator.fit).parameters:
            raise ValueError(f"{reference.path} takes no weights of rows")
        others["sample_weight"] = rows[WEIGHT].to_numpy(np.float64)
    numbers = rows[[f"_{place}" for place in range(len(features))]].to_numpy(np.float64)
    estimator.fit(numbers, labels, **others)
    return PythonModel(kept(estimator, reference.paths()), reference.paths(), features)


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The prepared rows sorted: by `order_by`, and by all they hold where that doesn't tell them apart."""
    by = [name for name in rows if name.startswith(BY)]
    others = [name for name in rows if name not in by] if rows.duplicated(by).any() else []
    return rows.sort_values([*by, *others], ignore_index=True)


def _labels(labels: Numbers, are_classes: bool) -> Numbers:
    if np.isnan(labels).any():
        raise ValueError(f"no label in {int(np.isnan(labels).sum())} of {len(labels)} rows")
    if are_classes:
        odd = ~np.isin(labels, (0.0, 1.0))
        if odd.any():
            raise ValueError(f"a label that is neither 0 nor 1 in {int(odd.sum())} of {len(labels)} rows")
        if len(np.unique(labels)) < 2:
            raise ValueError(f"the label is {labels[0]:g} in all {len(labels)} rows")
        return labels.astype(np.int64)
    return labels
