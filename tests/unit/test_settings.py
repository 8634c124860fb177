"""Project file and settings are read strictly, and all their mistakes are told at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from aurify.config.project import find_root, load_project
from aurify.config.settings import load_settings
from aurify.errors import ConfigurationError

WriteProject = Callable[[Mapping[str, str]], Path]

BASE = """
    warehouse: lake
    sources: landing
    spark: {master: "local[2]", driver_memory: 1g, conf: {spark.sql.shuffle.partitions: 4, spark.ui.enabled: false}}
    parallel: 2
    business_time_zone: Europe/London
"""


def test_a_place_of_tables_on_hdfs_or_s3_has_no_characters_that_a_uri_escapes(write_project: WriteProject) -> None:
    overlay = "warehouse: hdfs://n:8020/my lake\ntables: {gold.sales: {path: 'hdfs://n:8020/100%'}}\n"
    with pytest.raises(ConfigurationError, match="2 problems") as told:
        load_settings(write_project({"conf/local/settings.yml": overlay}), "local")
    assert [problem.key for problem in told.value.problems] == ["warehouse", "tables.gold.sales.path"]
    assert "without ' '" in str(told.value)
    assert "without '%'" in str(told.value)
    overlay = "warehouse: s3a://lake/100%\n"
    with pytest.raises(ConfigurationError, match="without '%': a URI on S3 has them escaped"):
        load_settings(write_project({"conf/local/settings.yml": overlay}), "local")
    for plain in ("hdfs://n:8020/lake_1.0/day=1", "s3a://lake/my lake", "/mnt/my lake"):
        assert load_settings(write_project({"conf/local/settings.yml": f"warehouse: {plain}\n"}), "local")


def test_an_overlay_only_differs(write_project: WriteProject) -> None:
    root = write_project(
        {"conf/local/settings.yml": "spark: {master: yarn, conf: {spark.ui.enabled: true}}\nlease: {heartbeat_s: 5}\n"}
    )
    settings = load_settings(root, "local")
    assert settings.env == "local"
    assert settings.spark.master == "yarn"
    assert settings.spark.driver_memory == "1g"
    assert settings.spark.conf == {"spark.sql.shuffle.partitions": "4", "spark.ui.enabled": "true"}
    assert (settings.lease.heartbeat_s, settings.lease.void_after_s) == (5, 60)


def test_paths_are_absolute_and_follow_the_overlay(write_project: WriteProject) -> None:
    overlay = "warehouse: s3a://lake/dev/\nnames: {prefix: anna_}\ntables: {gold.sales: {path: marts/sales}}\n"
    root = write_project({"conf/dev/settings.yml": overlay})
    local, dev = load_settings(root, "local"), load_settings(root, "dev")
    assert local.path_of("silver.pos_lines") == f"{root}/lake/silver/pos_lines"
    assert local.quarantine_path("silver.pos_lines") == f"{root}/lake/quarantine/silver_pos_lines"
    assert local.ledger_path("batches") == f"{root}/lake/ledger/batches"
    assert local.source_root == f"{root}/landing"
    assert dev.path_of("silver.pos_lines") == "s3a://lake/dev/silver/anna_pos_lines"
    assert dev.path_of("gold.sales") == f"{root}/marts/sales"
    assert dev.quarantine_path("gold.sales") == "s3a://lake/dev/quarantine/anna_gold_sales"


def test_references_are_expanded(write_project: WriteProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE", "/mnt/lake")
    overlay = """
        warehouse: ${LAKE}/x
        sources: ${LANDING:-/mnt/landing}
        spark: {conf: {spark.hadoop.fs.s3a.secret.key: "${S3_SECRET:-}", spark.local.dir: "/t/${system:user.name}"}}
    """
    settings = load_settings(write_project({"conf/local/settings.yml": overlay}), "local")
    assert settings.warehouse == "/mnt/lake/x"
    assert settings.source_root == "/mnt/landing"
    assert settings.spark.conf["spark.local.dir"] == "/t/${system:user.name}"


def test_a_reference_that_the_overlay_replaces_need_not_be_set(write_project: WriteProject) -> None:
    base = BASE.replace("warehouse: lake", "warehouse: ${NEVER_SET}")
    root = write_project({"conf/base/settings.yml": base, "conf/local/settings.yml": "warehouse: here\n"})
    assert load_settings(root, "local").warehouse == f"{root}/here"


def test_a_mistake_in_a_list_is_told_of_the_file_that_the_list_comes_from(write_project: WriteProject) -> None:
    base = f"{BASE}    alerts: {{limits: [{{silent: true}}]}}\n"
    wrong = "alerts: {limits: [{silent: true}, {distance: {purple: 1}}]}\n"
    root = write_project({"conf/base/settings.yml": base, "conf/local/settings.yml": wrong})
    with pytest.raises(ConfigurationError, match=r"conf/local/settings.yml: alerts.limits\[1\].distance.purple"):
        load_settings(root, "local")


def test_secrets_are_not_shown(write_project: WriteProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SECRET", "hunter2")
    overlay = 'spark: {conf: {spark.hadoop.fs.s3a.secret.key: "${S3_SECRET}"}}\n'
    assert "hunter2" not in repr(load_settings(write_project({"conf/local/settings.yml": overlay}), "local"))


def test_a_place_of_a_secret_is_no_secret(write_project: WriteProject) -> None:
    key = "spark.kubernetes.driver.secretKeyRef.AWS_SECRET_ACCESS_KEY"
    overlay = f"spark: {{conf: {{{key}: 's3-keys:secret'}}}}\n"
    settings = load_settings(write_project({"conf/local/settings.yml": overlay}), "local")
    assert settings.spark.conf[key] == "s3-keys:secret"


def test_an_unknown_environment_lists_those_there_are(write_project: WriteProject) -> None:
    root = write_project({"conf/yarn/settings.yml": ""})
    with pytest.raises(ConfigurationError) as error:
        load_settings(root, "lokal")
    problem = error.value.problems[0]
    assert (problem.found, problem.expected) == ("the environment 'lokal'", "one of local, yarn")
    assert problem.hint == "did you mean 'local'?"


def test_all_mistakes_of_both_files_are_told_with_file_and_key(write_project: WriteProject) -> None:
    base = BASE.replace("parallel: 2", "parallel: 0\n    wharehouse: x\n    sources: twice")
    overlay = """
        business_time_zone: Europe/Londn
        warehouse: ${NEVER_SET}
        sources: "${broken"
        names: {prefix: Anna-}
        lease: {heartbeat_s: 60, void_after_s: 30}
        tables: {silver.x: {pth: y}}
        spark:
          driver_memory: lots
          conf:
            spark.hadoop.fs.s3a.access.key: AKIA123
            spark.kubernetes.oauthToken: ${TOKEN:-abc}
    """
    root = write_project({"conf/base/settings.yml": base, "conf/local/settings.yml": overlay})
    with pytest.raises(ConfigurationError) as error:
        load_settings(root, "local")
    found = {(p.where.split("/")[1], p.key) for p in error.value.problems}
    assert found == {
        ("base", "parallel"),
        ("base", "wharehouse"),
        ("base", "sources"),
        ("local", "business_time_zone"),
        ("local", "warehouse"),
        ("local", "sources"),
        ("local", "names.prefix"),
        ("local", "lease"),
        ("local", "tables.silver.x.path"),
        ("local", "tables.silver.x.pth"),
        ("local", "spark.driver_memory"),
        ("local", "spark.conf.spark.hadoop.fs.s3a.access.key"),
        ("local", "spark.conf.spark.kubernetes.oauthToken"),
    }
    assert len(error.value.problems) == len(found)
    assert all(p.found and p.expected for p in error.value.problems)
    assert "AKIA123" not in str(error.value)


BROKEN = [
    ("a: [1", "line 1", "expected ',' or ']', but got '<stream end>'"),
    ("- a\n- b\n", "", "a list"),
    ("when: 2024-13-45\n", "", "month must be in 1..12"),
]


@pytest.mark.parametrize(("text", "key", "found"), BROKEN, ids=["syntax", "a list", "no date"])
def test_a_file_that_is_no_yaml_mapping_is_named(write_project: WriteProject, text: str, key: str, found: str) -> None:
    root = write_project({"conf/base/project.yml": text})
    with pytest.raises(ConfigurationError) as error:
        load_project(root)
    assert [(p.where, p.key, p.found) for p in error.value.problems] == [("conf/base/project.yml", key, found)]


def test_a_key_that_stands_twice_is_named_at_any_depth(write_project: WriteProject) -> None:
    overlay = "spark:\n  conf:\n    a: 1\n    b: 2\n    a: 3\nnames: {prefix: x, prefix: y}\n"
    root = write_project({"conf/local/settings.yml": overlay})
    with pytest.raises(ConfigurationError) as error:
        load_settings(root, "local")
    assert [(p.where, p.key, p.found) for p in error.value.problems] == [
        ("conf/local/settings.yml", "spark.conf.a", "the key twice, in lines 3 and 5"),
        ("conf/local/settings.yml", "names.prefix", "the key twice, in lines 6 and 6"),
    ]


def test_the_project_file_is_checked(write_project: WriteProject) -> None:
    root = write_project({"conf/base/project.yml": "project: Shop\nmodule: [shop]\ngenerator: shop.generate\n"})
    with pytest.raises(ConfigurationError) as error:
        load_project(root)
    assert [p.key for p in error.value.problems] == ["project", "modules", "generator", "module"]
    assert error.value.problems[3].hint == "did you mean 'modules'?"


def test_the_root_is_given_or_named_or_found_upward(
    write_project: WriteProject, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = write_project({})
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.delenv("AURIFY_PROJECT", raising=False)
    monkeypatch.chdir(root / "platform" / "shop")
    assert find_root() == root
    monkeypatch.chdir(elsewhere)
    assert find_root(root) == root
    with pytest.raises(ConfigurationError, match=r"no conf/base/project\.yml here or above"):
        find_root()
    with pytest.raises(ConfigurationError, match="--project"):
        find_root(elsewhere)
    monkeypatch.setenv("AURIFY_PROJECT", str(root))
    assert find_root() == root


def test_reading_settings_imports_no_spark() -> None:
    code = "import sys, aurify, aurify.config.settings, aurify.config.project; print('pyspark' in sys.modules)"
    source_root = Path(__file__).parents[2] / "platform"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(source_root)}
    )
    assert done.stdout.strip() == "False"
