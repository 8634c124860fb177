"""The jars of Delta, resolved once by Spark's own resolver, then taken from a cache without any network."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aurify.errors import EnvironmentFailure, Problem
from aurify.session.java import Java
from aurify.session.machine_cache import cache_root, file_sha256, held
from aurify.session.s3a import COORDINATES, EXCLUDED, s3_coordinates
from aurify.session.trust import trust_options

DELTA = "io.delta:delta-spark_2.12:3.3.3"
PACKAGES = "spark.jars.packages"
MANIFEST = "manifest.json"
PATIENCE_S = 300

# What tells Spark's resolver where to look; everything else of a session is no business of it.
EXCLUDES = "spark.jars.excludes"
RESOLVER_KEYS = ("spark.jars.repositories", "spark.jars.ivySettings", EXCLUDES)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Request:
    """What is asked of the resolver, and the Java it runs on."""

    coordinates: tuple[str, ...]
    resolver: Mapping[str, str]
    java: Java

    @property
    def folder(self) -> Path:
        """Where the jars of this request lie."""
        text = json.dumps([self.coordinates, self.resolver], sort_keys=True)
        return cache_root() / "jars" / hashlib.sha256(text.encode()).hexdigest()[:16]


def spark_home() -> Path:
    """The Spark that will be started: of SPARK_HOME, else the one that the package pyspark carries."""
    if "SPARK_HOME" in os.environ:
        return Path(os.environ["SPARK_HOME"])
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise EnvironmentFailure.of(
            "Spark", "no package pyspark", "pyspark 3.5.9", "`pip install 'aurify[local]'`, or run where Spark is"
        )
    return Path(spec.origin).parent


def session_coordinates(conf: Mapping[str, str], places: Iterable[str], more: Sequence[str] = ()) -> tuple[str, ...]:
    """The coordinates of all jars of a session: Delta's, those of `spark.jars.packages` and its places, and more."""
    packages = conf.get(PACKAGES, "")
    asked = [name.strip() for name in packages.split(",") if name.strip()]
    return tuple(dict.fromkeys([DELTA, *asked, *s3_coordinates(places, spark_home() / "jars", packages), *more]))


def cached_jars(coordinates: Sequence[str], conf: Mapping[str, str], java: Java) -> tuple[Path, ...]:
    """The jar files of the coordinates and all they need, each with the hash it was resolved with.

    The first call on a machine needs a network, or the jars in the machine's Maven repository.
    """
    resolver = {key: conf[key] for key in RESOLVER_KEYS if key in conf}
    of_s3 = tuple(name for name in COORDINATES if name in coordinates)
    requests = [_Request(tuple(sorted({*coordinates} - {*of_s3})), resolver, java)]
    if of_s3:  # alone, as what is left out of these is not left out of others
        requests.append(_Request(of_s3, {**resolver, EXCLUDES: ",".join(EXCLUDED)}, java))
    return tuple(jar for request in requests for jar in _cached(request))


def _cached(request: _Request) -> tuple[Path, ...]:
    folder = request.folder
    if not _damage(folder):
        return _listed(folder)
    hint = "set AURIFY_CACHE to a folder you may write to, or to a copy of a cache that is complete"
    with held(folder, "cache of jars", hint):
        damage = _damage(folder)
        if damage and folder.exists():
            log.warning("%s: %s; the jars are resolved again", folder, "; ".join(damage))
        if damage:
            _resolve(request, damage)
    return _listed(folder)


def _listed(folder: Path) -> tuple[Path, ...]:
    return tuple(folder / name for name in json.loads((folder / MANIFEST).read_text())["sha256"])


def _damage(folder: Path) -> list[str]:
    """What keeps the folder from being used; nothing if every jar is there and whole."""
    try:
        hashes: dict[str, str] = json.loads((folder / MANIFEST).read_text())["sha256"]
    except (OSError, ValueError, KeyError):
        return ["no jars yet"]
    return [f"{name} is missing or damaged" for name, known in hashes.items() if file_sha256(folder / name) != known]


def _resolve(request: _Request, damage: Sequence[str]) -> None:
    """Fill the folder: beside it first, then by one rename, so that no reader sees half of it."""
    folder = request.folder
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as scratch:
        work = Path(scratch)
        ran = _ask_spark(request, work)
        jars = sorted((work / "jars").glob("*.jar"))
        if ran.returncode or not jars:
            raise _unresolved(request, damage, f"{ran.stdout}\n{ran.stderr}")
        hashes = {jar.name: file_sha256(jar) for jar in jars}
        content = {"coordinates": request.coordinates, "sha256": hashes}
        (work / "jars" / MANIFEST).write_text(json.dumps(content, indent=2) + "\n")
        if folder.exists():
            folder.rename(work / "damaged")
        (work / "jars").rename(folder)
    log.info("%d jars resolved into %s", len(hashes), folder)


def _ask_spark(request: _Request, work: Path) -> subprocess.CompletedProcess[str]:
    """Submit a program that does nothing, with the packages: Spark resolves them into `work`/jars."""
    program = work / "nothing.py"
    program.touch()
    conf = {**request.resolver, "spark.jars.ivy": str(work), PACKAGES: ",".join(request.coordinates)}
    flags = [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
    command = [str(spark_home() / "bin" / "spark-submit"), "--master", "local[1]", *flags, str(program)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYSPARK_")}
    env |= {"JAVA_HOME": str(request.java.home), "PYSPARK_PYTHON": sys.executable}
    env["SPARK_SUBMIT_OPTS"] = f"{trust_options(request.java, work)} {env.get('SPARK_SUBMIT_OPTS', '')}".strip()
    try:
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else ""
        return subprocess.CompletedProcess(command, 1, said, f"no answer within {PATIENCE_S} s")


def _unresolved(request: _Request, damage: Sequence[str], said: str) -> EnvironmentFailure:
    telling = [line.strip(" :\t") for line in said.splitlines() if _tells(line)]
    found = "; ".join([*damage, *list(dict.fromkeys(telling))[-3:]])
    problem = Problem(str(request.folder), found, f"the jars of {', '.join(request.coordinates)}")
    hint = (
        "run `python -m aurify.session` once with a network, or set AURIFY_CACHE to a copy of the cache of a machine "
        "that has them; `spark.jars.repositories` in spark.conf of conf/ names a mirror"
    )
    return EnvironmentFailure("the jars that Spark needs can't be resolved", [problem], hint)


def _tells(line: str) -> bool:
    words = ("not found", "not resolved", "UnknownHost", "refused", "timed out", "no answer", "Exception")
    return any(word in line for word in words)
