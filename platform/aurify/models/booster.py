"""A LightGBM model, whoever trained it: its text, which the native library reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.models.columns import Columns, Numbers, matrix

if TYPE_CHECKING:
    import lightgbm

TEXT = "model.txt"
MODELS_HELD = 4


@dataclass(frozen=True)
class Booster:
    """The text of a LightGBM model and its features."""

    text: str
    features: tuple[str, ...]
    kind: ClassVar[str] = "lightgbm"

    @property
    def is_linear(self) -> bool:
        """Whether its leaves are linear functions, not numbers."""
        return "\nis_linear=1\n" in self.text

    def predict(self, columns: Columns) -> Numbers:
        """The probability of 1, or of a regression the value."""
        rows = matrix(columns, self.features)
        return np.asarray(booster_of(self.text).predict(rows, num_threads=1) if len(rows) else [], np.float64)

    def importance(self) -> Mapping[str, float]:
        """The share of each feature in the gain of all splits."""
        gains = booster_of(self.text).feature_importance("gain")
        whole = float(gains.sum()) or 1.0
        return {name: float(gain) / whole for name, gain in zip(self.features, gains, strict=True)}

    def files(self) -> dict[str, bytes]:
        """The text."""
        return {TEXT: self.text.encode()}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Booster:
        """The model of a text."""
        text = files[TEXT].decode()
        return cls(text, tuple(booster_of(text).feature_name()))


@lru_cache(maxsize=MODELS_HELD)
def booster_of(text: str) -> lightgbm.Booster:
    """The native model of a text, read once in a process."""
    from lightgbm import Booster as Native

    return Native(model_str=text)
