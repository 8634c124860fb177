"""Compiled trees: kept on this machine, and with the version's run for the next one that has the same processor."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from aurify.models.compiled_booster import FolderOfCodes
from aurify.models.registry import Registry, Version
from aurify.session.machine_cache import cache_root

CODE_TAG = "aurify.code."
log = logging.getLogger("aurify")


@dataclass(frozen=True)
class CodesOfVersion:
    """The code of a version. What comes from the registry is run only if its hash is that of the version's tag.

    A registry that can't give it, or takes none, is no failure: the code is compiled anew where it is needed.
    """

    registry: Registry
    version: Version

    @property
    def _here(self) -> FolderOfCodes:
        return FolderOfCodes(cache_root() / "trees")

    def find(self, name: str) -> bytes | None:
        """The code of a name; None where it is not kept, or is not what was kept."""
        found, told = self._here.find(name), self.version.tags.get(CODE_TAG + name)
        if found is not None or told is None:
            return found
        try:
            code = self.registry.file(self.version, _file(name))
        except Exception as error:  # noqa: BLE001 - whatever the store of artifacts raises
            log.warning("%s can't be read: %s", self._where(name), error)
            return None
        if hashlib.sha256(code).hexdigest() != told:
            log.warning("%s is not the code that was kept: it is compiled anew", self._where(name))
            return None
        self._here.keep(name, code)
        return code

    def keep(self, name: str, code: bytes) -> None:
        """Keep the code of a name, here and with the run; the tag comes last."""
        self._here.keep(name, code)
        try:
            self.registry.keep_file(self.version, _file(name), code)
            self.registry.tag(self.version, CODE_TAG + name, hashlib.sha256(code).hexdigest())
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("%s can't be kept: %s", self._where(name), error)

    def _where(self, name: str) -> str:
        return f"model {self.version.model}, version {self.version.number}: {_file(name)}"


def _file(name: str) -> str:
    return f"compiled/{name}.o"
