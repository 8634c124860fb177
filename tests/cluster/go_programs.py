"""Programs of a Go module, built once a machine: servers that tests run against."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from aurify.session.machine_cache import cache_root, held
from tests.cluster.go import OPTIONS, Go, find_go

STRIPPED = "-s -w"
TOOLS = "tool"


def built_tools(module: Path) -> Path:
    """The folder of the tools that a module's go.mod names; the first call on a machine takes minutes."""
    return built(module.name, module, lambda go, into: go.build(module, f"{into}/", STRIPPED, TOOLS))


def built(name: str, sources: Path, build: Callable[[Go, Path], None], made_from: str = "") -> Path:
    """The folder of what is built of sources: the same for the same bytes and compiler, whole or not there."""
    go = find_go()
    digest = hashlib.sha256(f"{go.version} {OPTIONS} {made_from}".encode())
    for file in sorted(sources.rglob("*.*")):
        if file.is_file() and file.suffix in (".go", ".mod", ".sum"):
            digest.update(f"{file.relative_to(sources)}\0".encode() + file.read_bytes())
    folder = cache_root() / "go" / f"{name}-{digest.hexdigest()[:16]}"
    with held(folder, f"programs of {name}", "set AURIFY_CACHE to another folder"):
        if not folder.exists():
            into = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(into, ignore_errors=True)
            into.mkdir()
            build(go, into)
            into.rename(folder)
    return folder
