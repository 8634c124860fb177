"""Run by a packed Python itself: `python -I -B import_check.py FORBIDDEN PATH ...` imports all that is installed in it.

Prints a JSON document: the distributions that can't be imported and why, what was loaded from the folder FORBIDDEN,
which is the home of the interpreter that was copied, and the names of libraries that only the machine has. It imports
nothing of Aurify, which is not in there.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import warnings
from importlib.metadata import distributions
from pathlib import PurePosixPath

MODULE = re.compile(r"(?P<name>[A-Za-z]\w*)(\.py|\.[\w-]*(abi3|x86_64|aarch64)[\w-]*\.so|\.so)")


def top_modules(files: list[PurePosixPath]) -> list[str]:
    """The modules that a distribution's files make importable: of a namespace its packages, of a package none below."""
    packages = {file.parent for file in files if file.name == "__init__.py"}
    tops = {folder for folder in packages if not any(above in packages for above in folder.parents)}
    found = {".".join(folder.parts) for folder in tops if all(part.isidentifier() for part in folder.parts)}
    alone = (MODULE.fullmatch(file.name) for file in files if len(file.parts) == 1)
    return sorted(found | {module["name"] for module in alone if module})


def failures() -> dict[str, str]:
    """The distributions of which no module can be imported, with what that ended with.

    Some carry parts that need what they don't ask for, like SynapseML's for deep learning: one that works is enough.
    """
    failed: dict[str, str] = {}
    for one in distributions():
        files = [PurePosixPath(str(file)) for file in one.files or ()]
        told = [imported(name) for name in top_modules(files)]
        if told and all(told):
            failed[str(one.metadata["Name"])] = told[0]
    return dict(sorted(failed.items()))


def imported(name: str) -> str:
    """What the import of a module ends with; nothing if it ends well."""
    try:
        importlib.import_module(name)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"import {name}: {type(error).__name__}: {error}"
    return ""


def loaded_libraries() -> set[str]:
    """The files of shared libraries that this process has loaded."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return {line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line}


def main() -> None:
    """Import, look, and print."""
    forbidden, more = sys.argv[1], sys.argv[2:]
    sys.path += more
    warnings.simplefilter("ignore")
    out = os.dup(1)
    os.dup2(2, 1)  # what a module prints is no part of the document
    failed = failures()
    libraries = loaded_libraries()
    home = os.path.realpath(sys.base_prefix)
    own = {file for file in libraries if file.startswith(f"{home}/")}
    document = {
        "home": home,
        "failed": failed,
        "forbidden": sorted(file for file in libraries - own if file.startswith(f"{forbidden}/")),
        "of_the_machine": sorted(os.path.basename(file) for file in libraries - own),
    }
    os.write(out, json.dumps(document).encode())
    os._exit(0)  # threads that modules started, and what they run at exit, don't matter


if __name__ == "__main__":
    main()
