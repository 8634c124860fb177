"""An ONNX graph under way: its nodes and constants, in doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aurify.errors import EnvironmentFailure

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

ROWS, TREES_DOMAIN = "rows", "ai.onnx.ml"
# Operators of texts need 19, trees of doubles 5 of the other; both are of one version of the format.
OPSETS, FORMAT = {"": 19, TREES_DOMAIN: 5}, 10
INSTALL = "pip install 'aurify[models]'"


class Graph:
    """Nodes are added one after the other; each gives the name of what it makes."""

    def __init__(self) -> None:
        try:
            import onnx.helper
            from onnx import TensorProto
        except ImportError as error:
            raise EnvironmentFailure.of("ONNX", f"no package {error.name}", "onnx and onnxruntime", INSTALL) from None
        self._helper, self._kinds = onnx.helper, TensorProto
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []

    def input(self, name: str, is_text: bool) -> str:
        """A column of texts or of doubles, under its own name."""
        kind = self._kinds.STRING if is_text else self._kinds.DOUBLE
        self._inputs.append(self._helper.make_tensor_value_info(name, kind, [ROWS]))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node of one operator."""
        made = f"{operator}/{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, inputs, [made], domain=domain, **attributes))
        return made

    def constant(self, values: float | list[float] | NDArray[Any]) -> str:
        """Doubles, or what an array holds."""
        made = f"constant/{len(self._constants)}"
        array = values if isinstance(values, np.ndarray) else np.asarray(values, np.float64)
        self._constants.append(tensor(array, made))
        return made

    def number(self, name: str) -> str:
        """A truth as 0 or 1."""
        return self.add("Cast", name, to=self._kinds.DOUBLE)

    def model(self, result: str, about: dict[str, str]) -> ModelProto:
        """The model that gives `result`, a double for each row, as `score`; checked."""
        from onnx import checker

        helper = self._helper
        taken = {told.name for told in self._inputs}
        name = "score" if "score" not in taken else "score/made"
        self._nodes.append(helper.make_node("Identity", [result], [name]))
        made = helper.make_tensor_value_info(name, self._kinds.DOUBLE, [ROWS])
        graph = helper.make_graph(self._nodes, "aurify", self._inputs, [made], self._constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=FORMAT, producer_name="aurify")
        helper.set_model_props(model, about)
        checker.check_model(model)
        return model


def tensor(values: NDArray[Any], name: str = "") -> TensorProto:
    """An array as ONNX holds it."""
    from onnx import numpy_helper

    return numpy_helper.from_array(values, name)
