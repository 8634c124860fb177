"""The tables and models of a project, found in the modules that its project file names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from aurify.config.project import Project, read_project
from aurify.config.settings import Settings, file_of, read_settings
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.models.check import check_models
from aurify.models.declare import ATTRIBUTE as MODEL
from aurify.models.declare import ModelSpec
from aurify.quality.own import ATTRIBUTE as OWN
from aurify.quality.own import Own
from aurify.quality.plugins import as_expectation, is_plugin
from aurify.quality.rule_reader import expectation_named
from aurify.scoring.check import check_scoring
from aurify.scoring.table import scores_table
from aurify.tables.check import check_specs
from aurify.tables.declare import ATTRIBUTE
from aurify.tables.importing import Imports
from aurify.tables.spec import TableSpec

Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Definition:
    """All that a project's files say for one environment."""

    root: Path
    project: Project
    settings: Settings
    specs: Mapping[str, TableSpec]
    expectations: Mapping[str, Own] = field(default_factory=dict)
    models: Mapping[str, ModelSpec] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The specs, models and expectations of the project's own that could be imported, all that is wrong, and the
    names that stand in files which could not.
    """

    specs: dict[str, TableSpec]
    problems: list[Problem]
    unread: set[str]
    expectations: dict[str, Own] = field(default_factory=dict)
    models: dict[str, ModelSpec] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """What a model's file may name of a table."""

    columns: tuple[str, ...]
    is_view: bool


def read_definition(root: Path, env: str) -> Definition:
    """Read project file, settings and specs; ConfigurationError names all that is wrong in any of them."""
    project, problems = read_project(root)
    settings, wrong = read_settings(root, env)
    found = find_tables(project, root) if project else Found({}, [], set())
    problems += wrong + found.problems
    if project and settings:
        problems += _check_places(settings, found)
    if problems or not project or not settings:
        raise ConfigurationError(f"{root.name}, environment '{env}'", problems)
    return Definition(root, project, settings, found.specs, found.expectations, found.models)


def discover(project: Project, root: Path) -> dict[str, TableSpec]:
    """The specs by name, sorted; ConfigurationError names all that is wrong. Starts no JVM."""
    found = find_tables(project, root)
    if found.problems:
        raise ConfigurationError(f"tables of {project.project}", found.problems)
    return found.specs


def find_tables(project: Project, root: Path) -> Found:
    """Import the project's modules, collect their specs and expectations, and check them."""
    imports = Imports(project.modules, root)
    by_identity: dict[int, TableSpec] = {}
    expectations: dict[str, Own] = {}
    models: dict[int, ModelSpec] = {}
    problems: list[Problem] = []
    for module in imports.modules.values():
        for value in vars(module).values():
            by_identity |= {id(spec): spec for spec in _attached(value, ATTRIBUTE, TableSpec)}
            models |= {id(spec): spec for spec in _attached(value, MODEL, ModelSpec)}
            own = getattr(value, OWN, None) if callable(value) else None
            own = as_expectation(value) if is_plugin(value, module.__name__) else own
            if isinstance(own, Own):
                problems += _doubled(own, expectations, module.__name__)
                expectations[own.name] = own
    specs = sorted(by_identity.values(), key=lambda spec: (str(spec.name), spec.file))
    wrong = check_specs(specs, root, imports.unread)
    problems += imports.problems + wrong
    if not wrong and not imports.unread:
        known = {spec.name: Columns(tuple(spec.schema.names), spec.view is not None) for spec in specs}
        problems += check_models(list(models.values()), known, root)
    named = {spec.name: spec for spec in sorted(models.values(), key=lambda spec: str(spec.name))}
    tables = {str(spec.name): spec for spec in specs}
    if not problems:
        problems += check_scoring(list(named.values()), tables, root)
    if not problems:
        scores = [scores_table(model, tables[model.scoring.rows]) for model in named.values() if model.scoring]
        tables = dict(sorted({**tables, **{spec.name: spec for spec in scores}}.items()))
    return Found(tables, problems, imports.unread, expectations, named)


def _doubled(own: Own, known: Mapping[str, Own], module: str) -> list[Problem]:
    """The problem of an expectation whose name another one has."""
    other = expectation_named(own.name) or known.get(own.name)
    if other is None or other is own:
        return []
    return [Problem(module, f"the expectation '{own.name}', which there is already", "a name of its own")]


def _attached(value: object, attribute: str, kind: type[Spec], depth: int = 0) -> Iterator[Spec]:
    """The spec of a decorated function, or those in a list, tuple, set or dict of them."""
    if isinstance(value, (list, tuple, set, frozenset, dict)) and depth < 3:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _attached(item, attribute, kind, depth + 1)
    elif callable(value) and isinstance(spec := getattr(value, attribute, None), kind):
        yield spec


def _check_places(settings: Settings, found: Found) -> list[Problem]:
    """Overlays place tables that there are, and no two of them at one path."""
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    for name in sorted({*found.specs, *settings.tables} - found.unread):
        path = settings.path_of(name)
        if name not in found.specs:
            problems.append(_misplaced(settings, name, f"the table '{name}'", did_you_mean(name, found.specs)))
        elif path in taken:
            moved, other = (name, taken[path]) if name in settings.tables else (taken[path], name)
            problems.append(_misplaced(settings, moved, f"{path}, which is the path of {other}", "move one of them"))
        taken.setdefault(path, name)
    return problems


def _misplaced(settings: Settings, name: str, found: str, hint: str) -> Problem:
    where = file_of(("tables", name), settings.root, settings.env)
    return Problem(where, found, "a table of the project, at a path of its own", hint, f"tables.{name}")
