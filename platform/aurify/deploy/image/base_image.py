"""What an image stands on: a system with a Java, from Debian's packages or from an image of a registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from aurify.deploy.artifact import Step
from aurify.deploy.image.layer import Layer, raw_layer
from aurify.deploy.image.registry import Registry
from aurify.deploy.python_archive import TIME
from aurify.errors import EnvironmentFailure

DEBIAN = "debian"
SUITE = "bookworm"
# Java for Spark, an init that ends what others leave, what OpenMP and TLS need.
PACKAGES = ("openjdk-17-jre-headless", "tini", "libgomp1", "ca-certificates")
JAVA = "/usr/lib/jvm/java-17-openjdk-amd64"
USER = 185  # as in the images of Spark
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SAID = 3


@dataclass(frozen=True)
class Base:
    """The layers below ours, and the environment that they come with."""

    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]
    env: Mapping[str, str] = field(default_factory=dict)


def base_of(reference: str, registry: type[Registry] = Registry, *, is_plain_http: bool = False) -> Base:
    """The base of this name: `debian`, or the reference of an image, pulled from its registry."""
    if reference == DEBIAN:
        made, step = raw_layer("base", [SUITE, *PACKAGES], _write_debian)
        return Base((made,), (step,), {"PATH": _PATH, "JAVA_HOME": JAVA})
    layers, steps, env = registry(reference, is_plain_http=is_plain_http).pulled()
    return Base(layers, steps, env)


def _write_debian(stream: BinaryIO) -> None:
    """A Debian that holds what is essential and these packages alone, the same bytes for the same packages."""
    tool = shutil.which("mmdebstrap")
    if tool is None:
        hint = "apt-get install mmdebstrap, or name an image with a Java 17 in package.image.base"
        raise EnvironmentFailure.of("base of the image", "no program mmdebstrap", "one that unpacks Debian", hint)
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder, "base.tar")
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(TIME)}
        ran = subprocess.run([tool, *_options(), SUITE, str(tar)], env=env, capture_output=True, text=True, check=False)
        if ran.returncode:
            said = "; ".join(line for line in ran.stderr.splitlines() if line.startswith("E:")) or ran.stderr[-300:]
            hint = "its packages come from the sources of this machine's apt"
            raise EnvironmentFailure.of("base of the image", said, f"Debian {SUITE} with {', '.join(PACKAGES)}", hint)
        with tar.open("rb") as content:
            shutil.copyfileobj(content, stream, 1 << 20)


def _options() -> list[str]:
    sources = [str(file) for file in sorted(Path("/etc/apt/sources.list.d").glob("*.sources"))]
    hooks = [
        '--essential-hook=mkdir -p "$1/usr/share/man/man1"',  # where it is missing Java's package can't be configured
        f'--customize-hook=echo spark:x:{USER}:0::/opt/aurify/work:/bin/bash >> "$1/etc/passwd"',
    ]
    left_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    copied = [f"--setup-hook=copy-in {file} /etc/apt/sources.list.d" for file in sources]
    return ["--quiet", "--variant=essential", f"--include={','.join(PACKAGES)}", *hooks, *left_out, *copied]
