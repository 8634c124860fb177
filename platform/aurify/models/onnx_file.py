"""A model in an ONNX file: what it says of itself, and its scores by onnxruntime, for frames as for columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.models.columns import Columns, Numbers
from aurify.models.fitted import FittedModel, is_text
from aurify.models.onnx_graph import INSTALL
from aurify.models.onnx_stages import MISSING_TEXT

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from pyspark.sql import DataFrame

FILE = "model.onnx"
# In the file's own metadata: the name of the model, its version, the hash of its files, its inputs by name and type.
MODEL, VERSION, FINGERPRINT, INPUTS = "aurify.model", "aurify.version", "aurify.fingerprint", "aurify.inputs"
NULL_TEXT = "aurify.null_text"
SESSIONS_HELD = 4


@dataclass(frozen=True)
class OnnxModel:
    """The content of an ONNX file that Aurify has written."""

    content: bytes
    kind: ClassVar[str] = "onnx"

    @property
    def about(self) -> Mapping[str, str]:
        """What the file says of itself."""
        found: dict[str, str] = _session(self.content).get_modelmeta().custom_metadata_map
        return found

    @property
    def inputs(self) -> dict[str, str]:
        """The columns that it reads, in its order, with their types as Spark writes them."""
        found: dict[str, str] = json.loads(self.about[INPUTS])
        return found

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(self.inputs)

    def predict(self, columns: Columns) -> Numbers:
        """The score of every row."""
        given = {name: _given(columns[name], is_text(kind)) for name, kind in self.inputs.items()}
        if not len(next(iter(given.values()))):
            return np.empty(0)
        (scores,) = _session(self.content).run(None, given)
        return np.asarray(scores, np.float64)

    def importance(self) -> Mapping[str, float]:
        """Not told."""
        return {}

    def files(self) -> dict[str, bytes]:
        """The file."""
        return {FILE: self.content}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> OnnxModel:
        """What `files` gave."""
        return cls(files[FILE])


def onnx_model(file: str | Path) -> FittedModel:
    """The model of an ONNX file that `aurify models export` wrote; ConfigurationError where it is none."""
    path = Path(file)
    try:
        made = OnnxModel(path.read_bytes())
        inputs = made.inputs
    except OSError as error:
        raise ConfigurationError.of(str(path), f"{type(error).__name__}: {error}", "a file that can be read") from error
    except EnvironmentFailure:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        hint = "aurify models export MODEL --onnx FILE writes one"
        raise ConfigurationError.of(str(path), said, "an ONNX model of Aurify's", hint) from error
    return FittedModel(inputs, (), made)


def onnx_scored(rows: DataFrame, file: str | Path, column: str = "score") -> DataFrame:
    """The rows with the score of an ONNX file in `column`, double, batch by batch on the executors.

    ConfigurationError tells what does not fit together.
    """
    return onnx_model(file).scored(rows, column)


def _given(values: NDArray[Any], is_text: bool) -> NDArray[Any]:
    if not is_text:
        return np.asarray(values, np.float64)
    texts = [MISSING_TEXT if value is None else str(value) for value in values]
    return np.asarray(texts, object)


@lru_cache(maxsize=SESSIONS_HELD)
def _session(content: bytes) -> InferenceSession:
    """The model as onnxruntime holds it, in one thread: a Spark task has one core."""
    try:
        import onnxruntime
    except ImportError as error:
        raise EnvironmentFailure.of("ONNX", f"no package {error.name}", "onnxruntime", INSTALL) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; it warns of what it simplifies
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
