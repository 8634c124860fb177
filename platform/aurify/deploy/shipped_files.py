"""Which files below a folder are shipped: no caches, no tests, nothing hidden, and nothing that looks like a secret."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

LEFT_OUT_FOLDERS = ("tests", "__pycache__", "*.egg-info", ".*")
LEFT_OUT_FILES = ("*.pyc", "*.pyo", ".*")
# Of Python files none is meant: a module may be named `credentials`.
SECRETS = (
    ".env", ".env.*", "*.env", ".netrc", ".pgpass", "*.key", "*.pem", "*.p12", "*.pfx", "*.jks", "*.keystore",
    "*.keytab", "*.kdbx", "id_rsa*", "id_ed25519*", "credentials", "credentials.*", "secrets", "secrets.*",
)  # fmt: skip


@dataclass
class Shipped:
    """Files by their name in an archive, and those that were left out although they look like part of it."""

    root: Path
    entries: dict[str, Path] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, path: Path, largest: int | None = None) -> None:
        """Take a file, or all files below a folder that are shipped, by their path below the root.

        What is larger than `largest` stays; so does what a link leads to outside of the root.
        """
        if path.is_file():
            self._add(path, largest)
        for above, folders, files in os.walk(path):
            here = Path(above)
            if "pyvenv.cfg" in files:
                folders.clear()
                continue
            self.left_out += [self._name(here / name) for name in folders if (here / name).is_symlink()]
            folders[:] = sorted(name for name in folders if not _matches(name, LEFT_OUT_FOLDERS))
            for name in files:
                self._add(here / name, largest)

    def _add(self, file: Path, largest: int | None) -> None:
        name = self._name(file)
        if is_secret(file.name) or not file.resolve().is_relative_to(self.root.resolve()):
            self.left_out.append(name)
        elif not _matches(file.name, LEFT_OUT_FILES):
            if largest is not None and file.stat().st_size > largest:
                self.left_out.append(name)
            else:
                self.entries[name] = file

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def is_secret(name: str) -> bool:
    """Whether a file is named like one that holds a secret."""
    return not name.endswith(".py") and _matches(name.lower(), SECRETS)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
