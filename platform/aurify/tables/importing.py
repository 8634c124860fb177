"""The modules that a project names, imported; whatever stops an import becomes a problem."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from aurify.config.project import PROJECT_FILE
from aurify.errors import AurifyError, Problem, did_you_mean
from aurify.tables.reading import relative

_TABLE_NAME = re.compile(r"""["']([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)["']""")


class _SessionAtImportError(Exception):
    """A module asked for a Spark session while it was imported."""


class Imports:
    """All modules below the named ones, the problems on the way, and table names in files that failed."""

    def __init__(self, names: tuple[str, ...], root: Path) -> None:
        self.root = root
        self.modules: dict[str, ModuleType] = {}
        self.problems: list[Problem] = []
        self.unread: set[str] = set()
        _open_platform(root / "platform", names)
        with _no_session():
            for name in names:
                self._walk(name, named=True)
        self.problems = list(dict.fromkeys(self.problems))

    def _walk(self, name: str, named: bool = False) -> None:
        module = self._import(name, named)
        if module is None or name in self.modules:
            return
        self.modules[name] = module
        for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
            if found.name != "__main__":
                self._walk(f"{name}.{found.name}")

    def _import(self, name: str, named: bool) -> ModuleType | None:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if named and error.name and (name == error.name or name.startswith(f"{error.name}.")):
                self.problems.append(_unknown_module(name, self.root))
                return None
            self._failed(name, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a module raises is told with the rest
            self._failed(name, error)
        return None

    def _failed(self, name: str, error: BaseException) -> None:
        self.problems += import_problems(error, name, self.root)
        for file in _files_of(name):
            self.unread.update(_TABLE_NAME.findall(file.read_text(encoding="utf-8", errors="replace")))


def _open_platform(platform: Path, names: tuple[str, ...]) -> None:
    """Put the source root first on the path, and forget modules of these names that another project left."""
    if sys.path[:1] != [str(platform)]:
        sys.path[:] = [str(platform), *(entry for entry in sys.path if entry != str(platform))]
    importlib.invalidate_caches()
    tops = {name.split(".")[0] for name in names}
    here = {top for top in tops if (platform / top).is_dir() or (platform / f"{top}.py").is_file()}
    for name in [name for name in sys.modules if name.split(".")[0] in here]:
        places = [getattr(sys.modules[name], "__file__", None), *getattr(sys.modules[name], "__path__", [])]
        if not any(place and Path(place).is_relative_to(platform) for place in places):
            del sys.modules[name]


@contextmanager
def _no_session() -> Iterator[None]:
    """While specs are read no JVM starts; a session that runs already, as in a notebook, is left alone."""
    from pyspark import SparkContext

    if SparkContext._gateway is not None:
        yield
        return

    def refuse(*args: object, **options: object) -> None:
        raise _SessionAtImportError

    kept = SparkContext.__dict__["_ensure_initialized"]
    SparkContext._ensure_initialized = refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        SparkContext._ensure_initialized = kept  # type: ignore[method-assign]


def import_problems(error: BaseException, module: str, root: Path) -> list[Problem]:
    """What stopped the import of a module, told with file and line."""
    if isinstance(error, AurifyError):
        return [Problem(relative(p.where, root), p.found, p.expected, p.hint, p.key) for p in error.problems]
    if isinstance(error, SyntaxError):
        where = relative(error.filename or module, root)
        text = f": {error.text.strip()}" if error.text else ""
        return [Problem(where, f"{error.msg}{text}", "Python that can be read", key=f"line {error.lineno}")]
    where, key, in_pyspark = _place(error, module, root)
    if isinstance(error, _SessionAtImportError):
        hint = "the function gets its frames; nothing else needs a session"
        return [Problem(where, "starts a Spark session at import", "a module that only declares tables", hint, key)]
    if in_pyspark and isinstance(error, (AssertionError, RuntimeError)):
        hint = "move it into the function"
        return [Problem(where, "builds columns at import", "columns built when the function is called", hint, key)]
    text = re.sub(r" \([^()]*\.py\)$", "", str(error))
    found = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return [Problem(where, found, "a module that can be imported", _close_name(error, root), key)]


def _place(error: BaseException, module: str, root: Path) -> tuple[str, str, bool]:
    """File and line of the project's innermost frame, and whether pyspark raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "platform")]
    in_pyspark = bool(frames) and "pyspark" in Path(frames[-1].filename).parts
    if ours:
        return relative(ours[-1].filename, root), f"line {ours[-1].lineno}", in_pyspark
    return module, "", in_pyspark


def _close_name(error: BaseException, root: Path) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package, _, name = error.name.rpartition(".")
        if not package:
            return "install it, or mend the name"
        above = sys.modules.get(package)
        known = [found.name for found in pkgutil.iter_modules(getattr(above, "__path__", []))]
        return did_you_mean(name, known)
    if isinstance(error, ImportError) and (match := re.match(r"cannot import name '(\w+)'", str(error))):
        above = sys.modules.get(error.name or "")
        return did_you_mean(match[1], [name for name in dir(above) if not name.startswith("_")])
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return did_you_mean(error.name or "", [name for name in dir(error.obj) if not name.startswith("_")])
    return ""


def _unknown_module(name: str, root: Path) -> Problem:
    platform = root / "platform"
    files = [file.relative_to(platform).with_suffix("") for file in platform.rglob("*.py")]
    known = [".".join(file.parent.parts if file.name == "__init__" else file.parts) for file in files]
    hint = did_you_mean(name, known)
    return Problem(
        PROJECT_FILE, f"the module '{name}'", "a module below platform/ or an installed one", hint, "modules"
    )


def _files_of(module: str) -> list[Path]:
    """The files that a module, and if it is a package all below it, is made of."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    below = [file for folder in spec.submodule_search_locations or [] for file in Path(folder).rglob("*.py")]
    return below or ([Path(spec.origin)] if spec.origin else [])
