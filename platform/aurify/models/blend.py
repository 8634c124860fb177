"""A weighted mean of the scores of several models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aurify.models.columns import Columns, Numbers
from aurify.models.estimator import Learned
from aurify.models.parts import features_of, files_of, mean_importance, parts_of


@dataclass(frozen=True)
class Blend:
    """The parts and their weights, 0 or more, which add up to 1."""

    parts: tuple[Learned, ...]
    weights: tuple[float, ...]
    kind: ClassVar[str] = "blend"

    @property
    def features(self) -> tuple[str, ...]:
        """All that the parts score by."""
        return features_of(self.parts)

    def predict(self, columns: Columns) -> Numbers:
        """The weighted mean; a part of no weight is not asked."""
        counting = [(part, weight) for part, weight in zip(self.parts, self.weights, strict=True) if weight > 0]
        return np.asarray(sum(weight * part.predict(columns) for part, weight in counting), np.float64)

    def importance(self) -> Mapping[str, float]:
        """The weighted mean of the parts'."""
        return mean_importance(self.parts, self.weights)

    def files(self) -> dict[str, bytes]:
        """The parts' files and the weights."""
        return files_of(self.parts, {"weights": self.weights})

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Blend:
        """What `files` gave."""
        parts, about = parts_of(files)
        return cls(parts, tuple(about["weights"]))
