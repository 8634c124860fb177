"""What the workers of a fit are told, and the rows that each of them reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from lightgbm import Dataset

LABEL, WEIGHT, VALIDATION = "_label", "_weight", "_validation"


@dataclass(frozen=True)
class Plan:
    """What every worker is told."""

    features: tuple[str, ...]
    categorical: tuple[int, ...]
    is_narrow: bool
    parameters: dict[str, Any]
    workers: int
    rounds: int
    early_stopping_rounds: int | None
    until: float | None  # seconds since 1970

    @property
    def silence(self) -> float:
        """Seconds after which a worker that says nothing is given up."""
        return 60.0 * float(self.parameters["time_out"])


@dataclass
class Rows:
    """Rows in pieces, one of each Arrow batch."""

    matrices: list[np.ndarray[Any, Any]] = field(default_factory=list)
    labels: list[np.ndarray[Any, Any]] = field(default_factory=list)
    weights: list[np.ndarray[Any, Any]] = field(default_factory=list)

    def add(self, piece: tuple[np.ndarray[Any, Any], ...], chosen: np.ndarray[Any, Any] | slice) -> None:
        matrix = piece[0][chosen]
        if len(matrix):
            self.matrices.append(matrix)
            self.labels.append(piece[1][chosen])
            self.weights += [weight[chosen] for weight in piece[2:]]

    def __len__(self) -> int:
        return sum(map(len, self.labels))

    def dataset(self, plan: Plan, reference: Dataset | None = None) -> Dataset:
        """The rows for LightGBM; they are given up here, so that they are held once."""
        import lightgbm
        import numpy as np

        made = lightgbm.Dataset(
            self.matrices,
            np.concatenate(self.labels),
            reference=reference,
            weight=np.concatenate(self.weights) if self.weights else None,
            feature_name=list(plan.features),
            categorical_feature=list(plan.categorical) or "auto",
        )
        self.matrices = []
        return made


def read(batches: Iterator[pa.RecordBatch], plan: Plan) -> tuple[Rows, Rows]:
    """The rows to train on, and those to validate on."""
    import numpy as np

    training, validation = Rows(), Rows()
    for batch in batches:
        names = [LABEL, *([WEIGHT] if WEIGHT in batch.schema.names else [])]
        piece = (_matrix(batch, plan), *(np.asarray(batch.column(name)) for name in names))
        if VALIDATION not in batch.schema.names:
            training.add(piece, slice(None))
            continue
        is_validation = batch.column(VALIDATION).to_numpy(zero_copy_only=False)
        training.add(piece, ~is_validation)
        validation.add(piece, is_validation)
    return training, validation


def _matrix(batch: pa.RecordBatch, plan: Plan) -> np.ndarray[Any, Any]:
    """The features of a batch; NULL is NaN."""
    import numpy as np

    made = np.empty((batch.num_rows, len(plan.features)), np.float32 if plan.is_narrow else np.float64)
    for place in range(len(plan.features)):
        made[:, place] = batch.column(place).to_numpy(zero_copy_only=False)
    return made
