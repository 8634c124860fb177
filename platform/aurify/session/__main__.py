"""`python -m aurify.session`: make this machine ready, so that every later session starts fast and offline."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from aurify.errors import AurifyError
from aurify.session.class_archive import archive_path, can_record, recording_options, rehearse
from aurify.session.jars import DELTA, cached_jars
from aurify.session.java import find_java
from aurify.session.spark import JAVA_OPTIONS, open_session


@dataclass(frozen=True)
class _Rehearsal:
    master: str = "local[2]"
    driver_memory: str = "1g"
    conf: dict[str, str] = field(default_factory=dict)


def prepare() -> None:
    """Look for Java, resolve the jars, and write the archive of classes where Java can."""
    java = find_java()
    print(f"Java {java.version} of {java.where}: {java.home}")
    jars = cached_jars([DELTA], {}, java)
    print(f"{len(jars)} jars: {jars[0].parent}")
    archive = archive_path(java, jars)
    if not archive.is_file() and can_record(java):
        print("archive of classes: one rehearsal, about half a minute", flush=True)
        _record(archive)
    print(f"archive of classes: {archive if archive.is_file() else 'none, sessions start without'}")


def _record(archive: Path) -> None:
    """Run a session that writes the archive as it ends; only a whole one gets its name."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        written = Path(scratch, archive.name)
        conf = {JAVA_OPTIONS: f"{recording_options(written)} -XX:TieredStopAtLevel=1"}
        spark = open_session(_Rehearsal(conf=conf), "aurify rehearsal", scratch)
        gateway = spark.sparkContext._gateway
        assert gateway is not None
        rehearse(spark, Path(scratch))
        spark.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
        if written.is_file():
            for old in archive.parent.glob("*.jsa"):
                old.unlink()
            written.rename(archive)


if __name__ == "__main__":
    try:
        prepare()
    except AurifyError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
