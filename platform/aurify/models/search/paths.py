"""Dotted paths into an estimator: which ones there are, and the estimator with other values at some of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aurify.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from aurify.models.estimator import Estimator

Scalar: TypeAlias = "str | int | float | bool | None"
Own = TypeVar("Own", bound="Estimator")


def problems(where: str, paths: Iterable[str], estimator: Estimator) -> list[Problem]:
    """The paths that lead nowhere in the estimator; the last word of one may be new in a mapping."""
    found = (_problem(f"{where}: {path}", path.split("."), estimator) for path in paths)
    return [problem for problem in found if problem is not None]


def _problem(where: str, path: list[str], thing: object) -> Problem | None:
    for place, word in enumerate(path):
        is_last = place == len(path) - 1
        if is_dataclass(thing):
            known = [field.name for field in fields(thing) if field.init]
            if word not in known:
                return Problem(where, f"no field '{word}'", f"one of {_name(thing)}", did_you_mean(word, known))
            thing = getattr(thing, word)
        elif isinstance(thing, Mapping):
            if word not in thing and not is_last:
                return Problem(where, f"nothing at '{word}'", "a path that is there", did_you_mean(word, thing))
            thing = thing.get(word)
        else:
            return Problem(where, f"'{word}' within {thing!r}", "a field, or a parameter within a mapping")
    if isinstance(thing, Mapping) or is_dataclass(thing):
        return Problem(where, "all of it at once", f"a part of it, {'.'.join(path)}.<name>")
    return None


def with_values(estimator: Own, values: Mapping[str, Scalar]) -> Own:
    """The estimator with these values at these paths; it is left as it is, itself."""
    made: Any = estimator
    for path, value in values.items():
        made = _with(made, path.split("."), value)
    return made  # type: ignore[no-any-return]


def _with(thing: Any, path: list[str], value: Scalar) -> Any:
    word, *rest = path
    if isinstance(thing, Mapping):
        return {**thing, word: _with(thing[word], rest, value) if rest else value}
    return replace(thing, **{word: _with(getattr(thing, word), rest, value) if rest else value})


def _name(thing: object) -> str:
    return type(thing).__name__
