"""YAML files read strictly, and what pydantic finds in them told as problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, get_args

import yaml
from pydantic import BaseModel, ConfigDict

from aurify.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Keys = tuple[str | int, ...]


class Strict(BaseModel):
    """A frozen model that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_yaml(path: Path, where: str) -> tuple[dict[str, object], list[Problem]]:
    """The mapping in a file, empty where it can't be read, and all that is wrong with the file as YAML."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        duplicates = list(_duplicates(node, where)) if node else []
        data = loader.construct_document(node) if node else {}
    except FileNotFoundError:
        return {}, [Problem(where, "no file", "a YAML file", "create it")]
    except OSError as error:
        return {}, [Problem(where, f"a file that can't be read: {error.strerror}", "a YAML file")]
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return {}, [
            Problem(where, error.problem or "broken YAML", "YAML", "check quotes, colons and indentation", line)
        ]
    except (yaml.YAMLError, ValueError) as error:
        return {}, [Problem(where, " ".join(str(error).split()), "YAML in UTF-8")]
    if not isinstance(data, dict):
        return {}, [*duplicates, Problem(where, f"a {type(data).__name__}", "a mapping of keys to values")]
    return data, duplicates


def _duplicates(node: yaml.Node, where: str, above: str = "", seen: frozenset[int] = frozenset()) -> Iterator[Problem]:
    if id(node) in seen:
        return
    seen |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            yield from _duplicates(item, where, f"{above}[{at}]", seen)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        name = f"{above}.{key.value}" if above else str(key.value)
        line = key.start_mark.line + 1
        if name in first:
            found = f"the key twice, in lines {first[name]} and {line}"
            yield Problem(where, found, "each key once", "keep the one that is meant", name)
        first.setdefault(name, line)
        yield from _duplicates(value, where, name, seen)


def dotted(keys: Keys) -> str:
    """`spark.conf` of ("spark", "conf"); a list's place is written in brackets."""
    return re.sub(r"\.(\[\d+\])", r"\1", ".".join(f"[{key}]" if isinstance(key, int) else key for key in keys))


def model_problems(error: ValidationError, model: type[BaseModel], where: Callable[[Keys], str]) -> list[Problem]:
    """Every finding of pydantic as a problem of the file that `where` names for its keys."""
    return [_problem(detail, model, where(detail["loc"])) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails, model: type[BaseModel], where: str) -> Problem:
    keys: Keys = detail["loc"]
    known = _known_keys(model, keys[:-1])
    if detail["type"] == "extra_forbidden":
        expected = f"one of {', '.join(sorted(known))}"
        return Problem(where, "an unknown key", expected, did_you_mean(str(keys[-1]), known), dotted(keys))
    if detail["type"] == "missing":
        return Problem(where, "nothing", known.get(str(keys[-1]), "") or "a value", "the key is required", dotted(keys))
    expected = known.get(str(keys[-1]), "") if keys else ""
    told = re.sub(r"^\w+ should (be |have )?|^Value error, ", "", detail["msg"])
    return Problem(where, _found(detail["input"]), expected or told, told if expected else "", dotted(keys))


def _found(given: object) -> str:
    """What stands there; of a mapping with an address, which may hold a secret, its keys alone."""
    if isinstance(given, Mapping) and any("://" in str(value) for value in given.values()):
        return f"the keys {', '.join(map(str, given))}"
    return repr(given)


def _known_keys(model: type[BaseModel], keys: Keys) -> Mapping[str, str]:
    """The keys that the model has at this place, each with its description."""
    for key in keys:
        field = model.model_fields.get(str(key))
        kinds = [*_classes(field.annotation)] if field else [model]
        model = next(iter(kinds), model)
    return {name: field.description or "" for name, field in model.model_fields.items()}


def _classes(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, UnionType) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _classes(part)
