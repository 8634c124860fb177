"""How MLflow reads a model of Aurify: `mlflow.pyfunc.load_model("models:/card_fraud@champion")`; no pickle is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aurify.models.columns import Numbers
from aurify.models.fitted import FittedModel

if TYPE_CHECKING:
    import pandas as pd


class Predictor:
    """Scores pandas frames with the columns of the signature."""

    def __init__(self, model: FittedModel) -> None:
        self.model = model

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> Numbers:
        """The score of every row."""
        columns: dict[str, np.ndarray[Any, Any]] = {}
        for name in self.model.inputs:
            values = frame[name]
            is_number = values.dtype != object and values.dtype.kind in "biuf"
            columns[name] = values.to_numpy(np.float64) if is_number else _objects(values)
        return self.model.predict(columns)


def _objects(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = values.astype(object).where(values.notna(), None).to_numpy()
    return found


def _load_pyfunc(path: str) -> Predictor:
    return Predictor(FittedModel.load(Path(path)))
