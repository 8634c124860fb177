"""Files beside tables, on the file systems that a lake may lie on: local disk, HDFS, S3."""

from aurify.storage.parquet import parquet_file, parquet_footer, parquet_rows
from aurify.storage.paths import is_local, is_on_s3, scheme_of
from aurify.storage.storage import Storage

__all__ = ["Storage", "is_local", "is_on_s3", "parquet_file", "parquet_footer", "parquet_rows", "scheme_of"]
