"""The project file: where the root is, and which modules declare tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from aurify.config.yaml_file import Strict, model_problems, read_yaml
from aurify.errors import ConfigurationError, Problem

PROJECT_FILE = "conf/base/project.yml"

Module = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


class Project(Strict):
    """What a project is made of."""

    project: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="a lower_snake name")
    modules: tuple[Module, ...] = Field(min_length=1, description="a list of Python modules, like [retail.tables]")
    suites: str = Field(default="quality/suites", min_length=1, description="the folder of the suites")
    generator: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="module:function, like retail.generate:generate",
    )


def find_root(given: str | Path | None = None) -> Path:
    """The project root: the given one, else AURIFY_PROJECT, else the nearest folder upward with a project file."""
    named = given or os.environ.get("AURIFY_PROJECT")
    if named:
        root = Path(named).expanduser().resolve()
        if not (root / PROJECT_FILE).is_file():
            source = "--project" if given else "AURIFY_PROJECT"
            raise ConfigurationError(
                "project", [Problem(str(root), f"no {PROJECT_FILE}", "a project root", key=source)]
            )
        return root
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    hint = "go into the project, or name it with --project or AURIFY_PROJECT"
    problem = Problem(str(here), f"no {PROJECT_FILE} here or above", "a project root", hint)
    raise ConfigurationError("project", [problem])


def read_project(root: Path) -> tuple[Project | None, list[Problem]]:
    """The project as far as its keys are right, None where a required key is wrong, and every problem."""
    data, problems = read_yaml(root / PROJECT_FILE, PROJECT_FILE)
    if not data and problems:
        return None, problems
    try:
        return Project.model_validate(data), problems
    except ValidationError as error:
        problems += model_problems(error, Project, lambda keys: PROJECT_FILE)
        wrong = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
    try:
        return Project.model_validate({key: value for key, value in data.items() if key not in wrong}), problems
    except ValidationError:
        return None, problems


def load_project(root: Path) -> Project:
    """The project file; ConfigurationError names all that is wrong with it."""
    project, problems = read_project(root)
    if problems or project is None:
        raise ConfigurationError(PROJECT_FILE, problems)
    return project
