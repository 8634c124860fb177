"""What a cluster takes from the Spark of this machine: its jars as one archive, and its Python side."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import ZIP_STORED

from aurify.deploy.artifact import whole
from aurify.deploy.zip_file import write_zip
from aurify.errors import EnvironmentFailure
from aurify.session.jars import spark_home
from aurify.session.machine_cache import cache_root, held

CORE = re.compile(r"spark-core_(?P<scala>[\d.]+)-(?P<spark>.+)\.jar")


@dataclass(frozen=True)
class Spark:
    """The Spark that applications are submitted with."""

    home: Path
    version: str
    scala: str

    @classmethod
    def here(cls) -> Spark:
        """The Spark of this machine; EnvironmentFailure where there is none, or only a part of one."""
        home = spark_home()
        cores = [found for jar in home.glob("jars/spark-core_*.jar") if (found := CORE.fullmatch(jar.name))]
        spark = cls(home, cores[0]["spark"], cores[0]["scala"]) if cores else cls(home, "", "")
        if not cores or len(spark.python) < 2:
            expected = "jars/spark-core_*.jar, python/lib/pyspark.zip and py4j-*.zip"
            hint = "`pip install 'aurify[local]'`, or set SPARK_HOME to a whole Spark"
            raise EnvironmentFailure.of(str(home), "not all of a Spark", expected, hint)
        return spark

    @cached_property
    def jars(self) -> list[Path]:
        """Its jars."""
        return sorted(self.home.glob("jars/*.jar"))

    @property
    def python(self) -> list[Path]:
        """Its Python side: py4j and pyspark."""
        return [*sorted(self.home.glob("python/lib/py4j-*.zip")), *self.home.glob("python/lib/pyspark.zip")]


def spark_archive(spark: Spark) -> tuple[Path, bool]:
    """Spark's jars as one archive for `spark.yarn.archive`, and whether it was made now; stored, for jars are zips.

    It lies in the machine's cache, by the names, sizes and times of the jars.
    """
    states = [(jar.name, jar.stat().st_size, jar.stat().st_mtime_ns) for jar in spark.jars]
    key = hashlib.sha256(json.dumps(states).encode()).hexdigest()[:16]
    made = cache_root() / "spark" / f"spark-{spark.version}-{key}.zip"
    if made.is_file():
        return made, False
    with held(made, "cache of Spark's archive", "set AURIFY_CACHE to a folder you may write to"):
        if made.is_file():
            return made, False
        with whole(made) as aside:
            write_zip(aside, {jar.name: jar for jar in spark.jars}, ZIP_STORED)
    return made, True
