"""What a session needs to read and write S3: Hadoop's client of it, and settings from the variables AWS_*.

The driver's own clients (obstore, delta-rs) read the same variables, so that a place is told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

SDK = "1.12.262"
# Of the version of Spark's own Hadoop.
CLIENT = (
    "org.apache.hadoop:hadoop-aws:3.3.4",
    f"com.amazonaws:aws-java-sdk-s3:{SDK}",
    f"com.amazonaws:aws-java-sdk-sts:{SDK}",
    f"com.amazonaws:aws-java-sdk-dynamodb:{SDK}",  # never asked: a class of the client names an exception of it
)
# The classes that let Spark's writers use the client's committer; of Spark 3.5.9 it was not published.
COMMITTER = "org.apache.spark:spark-hadoop-cloud_2.12:3.5.8"
COORDINATES = (*CLIENT, COMMITTER)
# What Spark has in versions of its own, clients of other clouds, and the bundle: 280 MB of services that nobody asks.
EXCLUDED = (
    "com.amazonaws:aws-java-sdk-bundle",
    "com.amazonaws:aws-java-sdk-kms",
    "com.fasterxml.jackson.*:*",
    "com.google.cloud.bigdataoss:*",
    "commons-*:*",
    "joda-time:*",
    "org.apache.hadoop:hadoop-[!a]*",
    "org.apache.hadoop:hadoop-a[!w]*",
    "org.apache.httpcomponents:*",
    "org.eclipse.jetty:*",
    "org.wildfly.openssl:*",
    "software.amazon.ion:*",
)

_FACTORY = "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
_CLOUD = "org.apache.spark.internal.io.cloud"
# Hadoop's own list, and the role that a pod's token stands for: asked without a token it fails, and is not passed over.
_BY_TOKEN = (
    "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
    "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
    "com.amazonaws.auth.WebIdentityTokenCredentialsProvider",
    "org.apache.hadoop.fs.s3a.auth.IAMInstanceCredentialsProvider",
)
# Safe in one driver alone; Aurify's lease sees to that. One that knows of others would not know of delta-rs (ADR 23).
LOG_STORE = {
    f"spark.delta.logStore.{scheme}.impl": "io.delta.storage.S3SingleDriverLogStore" for scheme in ("s3", "s3a")
}
# Variables that a driver elsewhere needs too; keys are not among them.
ADDRESS = (
    "AWS_ALLOW_HTTP",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
)
_ALWAYS = {
    **LOG_STORE,
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    # Markers of folders stay: taking them away is a request a file, and leaves a tombstone where a bucket has versions.
    "spark.hadoop.fs.s3a.directory.marker.retention": "keep",
    # Files appear where they belong, all at once when the job is done; a rename would copy each of them twice.
    "spark.hadoop.fs.s3a.committer.name": "magic",
    "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3": _FACTORY,
    "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": _FACTORY,
    "spark.sql.sources.commitProtocolClass": f"{_CLOUD}.PathOutputCommitProtocol",
    "spark.sql.parquet.output.committer.class": f"{_CLOUD}.BindingParquetOutputCommitter",
}


def reads_s3(places: Iterable[str]) -> bool:
    """Whether any of the places is on S3."""
    from aurify.storage import is_on_s3

    return any(map(is_on_s3, places))


def s3_coordinates(places: Iterable[str], spark_jars: Path, packages: str = "") -> tuple[str, ...]:
    """The coordinates that a session over these places needs beside Delta's; a client that is there is left alone."""
    if not reads_s3(places):
        return ()
    is_there = "hadoop-aws" in packages or any(spark_jars.glob("hadoop-aws-*.jar"))
    return (COMMITTER,) if is_there else COORDINATES


def s3_settings(places: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of a session over these places; none of them is a secret."""
    if not reads_s3(places):
        return {}
    found = dict(_ALWAYS)
    endpoint = environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if endpoint:
        by_host = environ.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "").lower() in ("1", "true")
        found["spark.hadoop.fs.s3a.endpoint"] = endpoint
        found["spark.hadoop.fs.s3a.path.style.access"] = str(not by_host).lower()
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        found["spark.hadoop.fs.s3a.aws.credentials.provider"] = ",".join(_BY_TOKEN)
    if region:
        found["spark.hadoop.fs.s3a.endpoint.region"] = region
    return found
