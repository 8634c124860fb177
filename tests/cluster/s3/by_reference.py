"""`python -m tests.cluster.s3.by_reference BUCKET [KEYS]`: read and write a bucket with no key in the environment.

The clients of the driver come first. With KEYS, a Hadoop credential provider, Spark is started without the reference
that those had.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from aurify.session import open_session
from aurify.storage import Storage

REFERENCES = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
PROVIDER = "spark.hadoop.hadoop.security.credential.provider.path"
KEYS = ("fs.s3a.access.key", "fs.s3a.secret.key")


@dataclass(frozen=True)
class _Spark:
    master: str = "local[1]"
    driver_memory: str = "1g"
    conf: dict[str, str] = field(default_factory=dict)


def main(bucket: str, keys: str) -> dict[str, object]:
    """What each client read, and what of the keys Spark's settings tell."""
    created = Storage().create(f"{bucket}/file", b"content")
    write_deltalake(f"{bucket}/table", pa.table({"n": [1, 2, 3]}))
    by_delta = DeltaTable(f"{bucket}/table").to_pyarrow_table().num_rows
    if keys:
        for name in REFERENCES:
            del os.environ[name]
    spark = open_session(_Spark(conf={PROVIDER: keys} if keys else {}), "by reference", bucket, [bucket])
    spark.range(10).write.parquet(f"{bucket}/numbers")
    rows = spark.read.format("delta").load(f"{bucket}/table").count()
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    return {
        "created": created,
        "by delta-rs": by_delta,
        "by spark": [rows, spark.read.parquet(f"{bucket}/numbers").count()],
        "keys": [hadoop.get(name) for name in KEYS],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], "".join(sys.argv[2:]))))
