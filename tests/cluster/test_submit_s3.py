from __future__ import annotations

from pathlib import Path

from aurify.storage import Storage
from aurify.workflows.lake import Lake
from tests.cluster.hadoop.cluster import Hadoop
from tests.cluster.on_yarn import Aurify, assert_same_tables
from tests.cluster.s3.server import S3Server

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def test_an_application_on_yarn_publishes_on_s3(
    aurify_on_yarn: Aurify, hadoop: Hadoop, s3: S3Server, local_lake: Lake
) -> None:
    bucket, sources = s3.bucket("of-yarn"), Path(local_lake.settings.sources)
    for file in sources.rglob("*"):
        if file.is_file():
            place = f"{bucket}/sources/{file.relative_to(sources)}"
            Storage().upload(file, place)
            s3.date(place, file.stat().st_mtime)
    keys = [word for name in KEYS for word in ("--conf", f"spark.yarn.appMasterEnv.{name}={s3.env[name]}")]
    places = {"AURIFY_WAREHOUSE": f"{bucket}/lake", "AURIFY_SOURCES": f"{bucket}/sources"}
    files = {"AURIFY_FILES": f"{hadoop.hdfs_uri}/files-of-s3"}
    ran = aurify_on_yarn("submit", *keys, "--", "refresh", **s3.env, **places, **files)
    assert ran.returncode == 0, ran.stderr
    assert s3.env["AWS_SECRET_ACCESS_KEY"] not in ran.stdout + ran.stderr
    assert_same_tables(local_lake, f"{bucket}/lake")
