"""A Python estimator as plain data: where its class is, and what it is made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

from aurify.errors import ConfigurationError, Problem, did_you_mean

SEED = "random_state"
_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Python:
    """An estimator in the manner of scikit-learn: `path` is `module:Class`, `parameters` are its constructor's.

    A parameter may hold others of this class, also in lists, so that a pipeline can be told:
    `Python("sklearn.pipeline:Pipeline", {"steps": [["scale", Python("sklearn.preprocessing:StandardScaler")], ...]})`.
    """

    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with path and parameters; imports what is named."""
        found = [problem for part in self.parts() for problem in part.of_itself(where)]
        return found or self._of_whole(where)

    def parts(self) -> Iterator[Python]:
        """It, and all that its parameters hold."""
        yield self
        for value in self.parameters.values():
            yield from _parts(value)

    def paths(self) -> tuple[str, ...]:
        """The path of each part, once."""
        return tuple(dict.fromkeys(part.path for part in self.parts()))

    def built(self, seed: int) -> Any:
        """The estimator, with the seed as `random_state` wherever it takes one and none is declared."""
        made = class_at(self.path)
        parameters = {name: _built(value, seed) for name, value in self.parameters.items()}
        if SEED in signature(made).parameters:
            parameters.setdefault(SEED, seed)
        return made(**parameters)

    def of_itself(self, where: str) -> list[Problem]:
        """What is wrong with it, leaving its parts aside."""
        try:
            taken = signature(class_at(self.path)).parameters
        except ConfigurationError as error:
            return [Problem(where, told.found, told.expected, told.hint) for told in error.problems]
        problems = []
        takes_all = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in taken.values())
        for name, value in self.parameters.items():
            if name not in taken and not takes_all:
                expected = f"a parameter of {self.path}"
                problems.append(Problem(where, f"the parameter '{name}'", expected, did_you_mean(name, taken)))
            elif not _is_plain(value):
                expected = "a number, text, True, False, None, Python(...), or a list or dict of these"
                problems.append(Problem(where, f"{type(value).__name__} as '{name}'", expected))
        return problems

    def _of_whole(self, where: str) -> list[Problem]:
        try:
            made = self.built(0)
        except Exception as error:  # noqa: BLE001 - whatever a constructor raises is told with the rest
            return [Problem(where, f"{type(error).__name__}: {error}", f"parameters that {self.path} takes")]
        if not (hasattr(made, "fit") and hasattr(made, "predict")):
            return [Problem(where, f"{self.path}, without `fit` and `predict`", "an estimator")]
        if is_classifier(made) and not hasattr(made, "predict_proba"):
            hint = "some take `probability`; others can be wrapped in sklearn.calibration:CalibratedClassifierCV"
            return [Problem(where, f"{self.path}, without `predict_proba`", "a classifier that tells it", hint)]
        return []


def class_at(path: str) -> Any:
    """The class that `module:Class` names; ConfigurationError where there is none."""
    module, colon, name = path.partition(":")
    if not (module and colon and name.isidentifier()):
        raise ConfigurationError.of("estimator", f"'{path}'", "module:Class")
    try:
        found = import_module(module)
    except ImportError as error:
        hint = "install it on the driver and on every worker"
        raise ConfigurationError.of("estimator", f"{error}", f"the module of '{path}'", hint) from None
    made = getattr(found, name, None)
    if not isinstance(made, type):
        classes = [known for known in dir(found) if isinstance(getattr(found, known, None), type)]
        raise ConfigurationError.of("estimator", f"'{path}'", f"a class of {module}", did_you_mean(name, classes))
    return made


def is_classifier(estimator: Any) -> bool:
    """Whether its answer is a class: it tells probabilities, or says so."""
    tags = getattr(estimator, "__sklearn_tags__", None)
    return hasattr(estimator, "predict_proba") or (tags is not None and tags().estimator_type == "classifier")


def _parts(value: Any) -> Iterator[Python]:
    if isinstance(value, Python):
        yield from value.parts()
    elif isinstance(value, list | tuple | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _parts(inner)


def _built(value: Any, seed: int) -> Any:
    if isinstance(value, Python):
        return value.built(seed)
    if isinstance(value, dict):
        return {name: _built(inner, seed) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_built(inner, seed) for inner in value)
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | dict):
        return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (*_PLAIN, Python))
