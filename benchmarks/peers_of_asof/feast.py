"""Feast: its Spark offline store, three feature views in Parquet, and the labels as the entity rows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureStore, FeatureView, Field, RepoConfig, ValueType
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.types import Int64
from pyspark.sql import SparkSession

from benchmarks.asof_rows import FEATURES, TTL, VIEWS, checksum
from benchmarks.meter import Meter


def run(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> str:
    """The small training set first, then the measured one."""
    for size, section in (("warm", "warm"), ("measured", "work")):
        store = _store(f"{sources}/{size}", Path(warehouse, size))
        names = [f"view_{view}:v{view}_{name}" for view in range(VIEWS) for name in FEATURES]
        with meter.section(section):
            spark.read.parquet(f"{sources}/{size}/labels").createOrReplaceTempView("labels")
            job = store.get_historical_features(entity_df="SELECT * FROM labels", features=names)
            job.to_spark_df().write.parquet(f"{warehouse}/{size}/out")
    return checksum(spark.read.parquet(f"{warehouse}/measured/out"))


def _store(sources: str, folder: Path) -> FeatureStore:
    """Its registry is a file; a `ttl` of 0 would be none."""
    folder.mkdir(parents=True)
    config = RepoConfig(
        project="asof",
        registry=str(folder / "registry.db"),
        provider="local",
        offline_store={"type": "spark"},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        entity_key_serialization_version=3,
    )
    entity = Entity(name="entity", join_keys=["entity"], value_type=ValueType.STRING)
    views = [
        FeatureView(
            name=f"view_{view}",
            entities=[entity],
            ttl=timedelta(seconds=TTL.total_seconds()),
            schema=[Field(name=f"v{view}_{name}", dtype=Int64) for name in FEATURES],
            source=SparkSource(
                name=f"source_{view}",
                path=f"{sources}/view_{view}",
                file_format="parquet",
                timestamp_field="event_timestamp",
            ),
        )
        for view in range(VIEWS)
    ]
    store = FeatureStore(config=config)
    store.apply([entity, *views])
    return store
