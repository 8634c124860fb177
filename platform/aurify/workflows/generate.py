"""Data made by the project's own generator, its arguments matched with the function's signature."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from aurify.config.project import PROJECT_FILE
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.tables.importing import import_problems
from aurify.workflows.lake import Lake


def generate(lake: Lake, arguments: Mapping[str, object]) -> dict[str, Any]:
    """Call the generator; gives what it tells of its work.

    A parameter named `spark` gets the session, one named `out` the source root if no other folder is given.
    ConfigurationError names every argument that the function does not have, lacks, or can't read.
    """
    function = _function(lake)
    accepted = _accepted(function, arguments, lake)
    if "spark" in inspect.signature(function).parameters:
        accepted["spark"] = lake.spark
    made = function(**accepted)
    if is_dataclass(made) and not isinstance(made, type):
        return asdict(made)
    return dict(made) if isinstance(made, Mapping) else {} if made is None else {"made": made}


def _function(lake: Lake) -> Callable[..., object]:
    named = lake.definition.project.generator
    if named is None:
        problem = Problem(PROJECT_FILE, "no generator", "module:function", "like retail.generate:generate", "generator")
        raise ConfigurationError("generate", [problem])
    module_name, _, name = named.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        problems = import_problems(error, module_name, lake.definition.root)
        raise ConfigurationError(f"generator {named}", problems) from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_")]
        problem = Problem(PROJECT_FILE, named, f"a function of {module_name}", did_you_mean(name, known), "generator")
        raise ConfigurationError("generate", [problem])
    generator: Callable[..., object] = function
    return generator


def _accepted(function: Callable[..., object], arguments: Mapping[str, object], lake: Lake) -> dict[str, Any]:
    """The arguments as the function's parameters say; those that it does not name go in as they are."""
    where = lake.definition.project.generator or ""
    parameters = inspect.signature(function).parameters
    hints = get_type_hints(function)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = [n for n, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and n != "spark"]
    accepted: dict[str, Any] = {"out": lake.settings.source_root} if "out" in named else {}
    problems = []
    for name, value in arguments.items():
        if name not in named and not takes_any:
            problems.append(Problem(where, f"the argument {name}", "one of its own", did_you_mean(name, named), name))
            continue
        try:
            accepted[name] = TypeAdapter(hints.get(name, object)).validate_python(value)
        except ValidationError as error:
            kind = hints[name]
            expected = kind.__name__ if isinstance(kind, type) else str(kind)
            problems.append(Problem(where, repr(value), expected, error.errors()[0]["msg"], name))
    told = {p.key for p in problems}
    for name in named:
        if parameters[name].default is inspect.Parameter.empty and name not in accepted and name not in told:
            problems.append(Problem(where, "nothing", "a value", f"--set {name}=VALUE", name))
    if problems:
        raise ConfigurationError("arguments of the generator", problems)
    return accepted
