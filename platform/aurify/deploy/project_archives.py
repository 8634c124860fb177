"""`code.zip`, which Python imports from, and `project.zip`, which is the project root of a driver elsewhere."""

from __future__ import annotations

from pathlib import Path

from aurify.config.project import Project
from aurify.deploy.shipped_files import Shipped
from aurify.errors import ConfigurationError, EnvironmentFailure

ENGINE = "aurify"
FOLDERS = ("conf", "jobs")
NOTEBOOKS = "notebooks"
LARGEST_NOTEBOOK = 1 << 20


def engine_folder() -> Path:
    """The folder that the engine was imported from."""
    folder = Path(__file__).parents[1]
    if not folder.is_dir():
        hint = "make the package in a checkout, or where Aurify is installed"
        raise EnvironmentFailure.of("package", f"an engine in {folder.parent}", "an engine in a folder", hint)
    return folder


def code_files(root: Path) -> Shipped:
    """The engine, and every package of the project."""
    engine = Shipped(engine_folder().parent)
    engine.add(engine_folder())
    code = _packages(root, Shipped(root / "platform"))
    return Shipped(root, {**engine.entries, **code.entries}, engine.left_out + [f"platform/{n}" for n in code.left_out])


def project_files(root: Path, project: Project) -> Shipped:
    """What a driver reads of a project: configuration, suites, jobs, notebooks, and the files of its tables."""
    suites = (root / project.suites).resolve()
    if not suites.is_relative_to(root.resolve()):
        hint = "move the folder into the project"
        raise ConfigurationError.of("suites", project.suites, "a folder below the project root, to ship it", hint)
    shipped = Shipped(root)
    for name in (*FOLDERS, project.suites):
        shipped.add(root / name)
    shipped.add(root / NOTEBOOKS, LARGEST_NOTEBOOK)
    return _packages(root, shipped)


def _packages(root: Path, shipped: Shipped) -> Shipped:
    """With all below platform/ but the engine, which may be another one than is running."""
    platform = root / "platform"
    for path in sorted(platform.iterdir()) if platform.is_dir() else ():
        is_code = path.suffix == ".py" or (path.is_dir() and not path.name.endswith(".egg-info"))
        if path.name != ENGINE and not path.name.startswith((".", "__pycache__", "tests")) and is_code:
            shipped.add(path)
    return shipped
