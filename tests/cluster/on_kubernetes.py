"""The command line on Kubernetes, as somebody who may only submit, over tables on S3."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import obstore
from deltalake import DeltaTable
from obstore.store import S3Store
from pyarrow import Table
from pyarrow.types import is_nested

from aurify.workflows.lake import Lake
from tests.cluster.kubernetes.cluster import Kubernetes
from tests.cluster.on_yarn import TABLES, Aurify, command_line
from tests.cluster.s3.server import REGION, S3Server

BUCKET, SECRET, TABLES_PLACE = "lake", "s3", "tables"
WHO = ("driver", "executor")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# Two cores hold a driver and two executors, each with one slot.
SMALL = {
    "spark.kubernetes.driver.request.cores": "300m",
    "spark.kubernetes.executor.request.cores": "300m",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
}


def command_line_of(cluster: Kubernetes, s3: S3Server) -> Aurify:
    """Calls of `aurify`; those of `submit` with the keys of S3 from a secret of the cluster, which is made here."""
    literals = [f"--from-literal={key}={s3.env[key]}" for key in KEYS]
    cluster.kubectl("-n", "spark", "create", "secret", "generic", SECRET, *literals)
    conf = {**SMALL, **{f"spark.kubernetes.{who}.secretKeyRef.{key}": f"{SECRET}:{key}" for who in WHO for key in KEYS}}
    options = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
    call = command_line(
        {
            **cluster.env,
            **s3.env,
            "KUBECONFIG": str(cluster.submitter_kubeconfig),
            "AURIFY_ENV": "k8s",
            "AURIFY_IMAGE": f"{cluster.registry}/aurify",
            "AURIFY_IMAGE_PLAIN_HTTP": "true",
            "AURIFY_WAREHOUSE": f"s3a://{BUCKET}/{TABLES_PLACE}",
            "AURIFY_SOURCES": f"s3a://{BUCKET}/sources",
        }
    )

    def with_options(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return call("submit", *options, *words[1:], **more) if words[0] == "submit" else call(*words, **more)

    return with_options


def put_sources(sources: Path, s3: S3Server, place: str = "sources") -> None:
    """Copy deliveries into the bucket, with their times: a delivery is dated by it."""
    store = S3Store(
        BUCKET,
        endpoint=s3.endpoint,
        region=REGION,
        access_key_id=s3.env[KEYS[0]],
        secret_access_key=s3.env[KEYS[1]],
        client_options={"allow_http": True},
    )
    for file in sources.rglob("*"):
        if file.is_file():
            name = f"{place}/{file.relative_to(sources)}"
            obstore.put(store, name, file)
            s3.date(f"{s3.bucket(BUCKET)}/{name}", file.stat().st_mtime)


def assert_same_tables(local: Lake, s3: S3Server, warehouse: str = TABLES_PLACE) -> None:
    """The tables of a warehouse in the bucket are those of the local lake, row for row."""
    for table in TABLES:
        place = table.replace(".", "/")
        here = rows_of(f"{local.settings.warehouse}/{place}")
        there = rows_of(f"{s3.bucket(BUCKET)}/{warehouse}/{place}", s3.env)
        assert here.num_rows > 0, table
        assert there.select(here.column_names).equals(here), table


def rows_of(path: str, options: Mapping[str, str] | None = None) -> Table:
    """The rows of a Delta table, sorted by all columns that hold single values."""
    found = DeltaTable(path, storage_options=None if options is None else dict(options)).to_pyarrow_table()
    return found.sort_by([(field.name, "ascending") for field in found.schema if not is_nested(field.type)])
