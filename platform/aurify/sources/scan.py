"""What scans of CSV and Parquet share: added columns, options, and a session for the settings of a scan."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.sources.listing import WILDCARD_CHARACTER, file_uri
from aurify.storage import is_local

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SOURCE_FILE, SOURCE_ROW = "_source_file", "_source_row"
DELIVERY, DELIVERED_AT = "_delivery", "_delivered_at"
MALFORMED = "_malformed"
# The file of a row as Spark writes it, encoded; `_metadata.file_path` says the same at three times the price.
URI = "_aurify_uri"

# Half a file is worse than none.
_WHOLE_FILES = {"ignoreCorruptFiles": "false", "ignoreMissingFiles": "false"}
_OF_THE_DISK = {
    # Without it a `.crc` file that was left beside a newer file fails the job, and so does a colon in a name.
    "fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "fs.file.impl.disable.cache": "true",
}
_SHARED = ("spark.sql.session.timeZone", "spark.sql.ansi.enabled")
# The driver looks at the files itself: a Spark job for it takes longer, up to many thousands of files.
_LISTING = {"spark.sql.sources.parallelPartitionDiscovery.threshold": "100000"}


def scan_options(uri: str) -> dict[str, str]:
    """The options of every reader; Hadoop's client of another store keeps those that it was first used with."""
    return {**_WHOLE_FILES, **(_OF_THE_DISK if is_local(uri) else {})}


def scan_path(root: Path | str, path: str) -> str:
    """The file as a reader takes it: Spark would read `[`, `*` and their like as a pattern.

    Its own switch for that, `__globPaths__`, reads every file as often as there are files.
    """
    return WILDCARD_CHARACTER.sub(r"\\\g<0>", file_uri(root, path))


def scan_session(spark: SparkSession, conf: Mapping[str, str]) -> SparkSession:
    """A new session with these settings; a scan that it plans obeys them wherever it runs."""
    session = spark.newSession()
    shared = {key: value for key in _SHARED if (value := spark.conf.get(key, None)) is not None}
    for key, value in {**_LISTING, **shared, **conf}.items():
        session.conf.set(key, value)
    return session


def handed_over(frame: DataFrame, spark: SparkSession) -> DataFrame:
    """The same frame as one of `spark`: what is made of it obeys the settings of `spark`, the scan keeps its own."""
    name = f"aurify_{uuid.uuid4().hex}"
    frame.createGlobalTempView(name)
    try:
        return spark.table(f"{spark.conf.get('spark.sql.globalTempDatabase', 'global_temp')}.{name}")
    finally:
        spark.catalog.dropGlobalTempView(name)
