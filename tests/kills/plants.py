"""Losses of one row, planted by wrapping engine functions from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from aurify.publish import committer, publication, quarantine
from aurify.publish.publication import Attempt
from aurify.publish.staged import StagedFile
from aurify.tables import inputs, staging
from aurify.workflows import refresh
from tests.kills.borders import SetAttribute, attribute

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake

Plant = Callable[[SetAttribute], None]


def after_staging(table: str, verdict: str) -> Plant:
    """A staged file loses its last row before anything is decided."""

    def put(set_attribute: SetAttribute) -> None:
        stage = attribute(refresh, "stage")

        def losing(spec: Any, attempt: Attempt, *rest: Any) -> Any:
            counts = stage(spec, attempt, *rest)
            if spec.name == table:
                _cut(attempt.staged.paths(verdict)[-1])
                attempt.staged.forget()
            return counts

        set_attribute(refresh, "stage", losing)

    return put


def while_staging(table: str, verdict: str) -> Plant:
    """The write itself loses a row of one verdict: what was handed to it is not what lies there."""

    def put(set_attribute: SetAttribute) -> None:
        write = attribute(staging, "write_staged")

        def losing(frame: DataFrame, folder: str, what: str, rows_per_file: int) -> int:
            handed: int = write(frame, folder, what, rows_per_file)
            files = sorted(Path(folder, f"verdict={verdict}").glob("*.parquet")) if what.startswith(table) else []
            if files:
                _cut(str(files[-1]))
            return handed

        set_attribute(staging, "write_staged", losing)

    return put


def by_the_function(table: str, condition: str) -> Callable[[Lake], Lake]:
    """The table's function filters a row away."""

    def put(lake: Lake) -> Lake:
        spec = lake.specs[table]
        losing = replace(spec, function=lambda **frames: spec.function(**frames).where(condition))
        specs: Mapping[str, Any] = {**lake.specs, table: losing}
        lake.definition = replace(lake.definition, specs=specs)
        return lake

    return put


def by_the_source(set_attribute: SetAttribute) -> None:
    """The reader of files skips the first line of each."""
    read = attribute(inputs, "read_files")
    set_attribute(inputs, "read_files", lambda *args: read(*args).where("_source_row > 1"))


def by_the_quarantine_commit(set_attribute: SetAttribute) -> None:
    """The commit of quarantine names a file that has lost a row."""
    set_attribute(quarantine, "DeltaRsCommitter", _cutting_committer("quarantine/silver_orders"))


def by_the_commit(table: str) -> Plant:
    """The commit in place names a file that has lost a row."""
    cutting = _cutting_committer(table.replace(".", "/"))
    return lambda set_attribute: set_attribute(publication, "DeltaRsCommitter", cutting)


def by_the_settling(table: str, condition: str) -> Plant:
    """What settles staged rows with those that are there, MERGE or rewrite, does not see a row."""

    def put(set_attribute: SetAttribute) -> None:
        source, merge = publication._source, attribute(publication, "merge")

        def losing(attempt: Attempt, spark: Any) -> DataFrame:
            rows = source(attempt, spark)
            rewrites = attempt.note["committed"] == publication.REWROTE and attempt.target.name == table
            return rows.where(condition) if rewrites else rows

        def merging(target: Any, rows: DataFrame, *rest: Any) -> None:
            merge(target, rows.where(condition) if target.name == table else rows, *rest)

        set_attribute(publication, "_source", losing)
        set_attribute(publication, "merge", merging)

    return put


def by_the_rewrite(table: str, condition: str) -> Plant:
    """A row is settled, but is not in the files that the rewrite leaves."""

    def put(set_attribute: SetAttribute) -> None:
        settled = attribute(publication, "settled")

        def losing(target: Any, *rest: Any) -> DataFrame:
            rows: DataFrame = settled(target, *rest)
            return rows.where(f"NOT coalesce({condition}, false)") if target.name == table else rows

        set_attribute(publication, "settled", losing)

    return put


def by_the_counting_join(table: str, condition: str) -> Plant:
    """The join that counts what a MERGE left alone does not see a row."""

    def put(set_attribute: SetAttribute) -> None:
        source = publication._source

        def losing(attempt: Attempt, spark: Any) -> DataFrame:
            rows = source(attempt, spark)
            return rows.where(condition) if attempt.target.name == table and attempt.commit is not None else rows

        set_attribute(publication, "_source", losing)

    return put


def _cutting_committer(path: str) -> type[committer.DeltaRsCommitter]:
    class Cutting(committer.DeltaRsCommitter):
        def append(self, handle: Any, files: Sequence[StagedFile], *rest: Any) -> None:
            if not handle.path.endswith(path):
                return super().append(handle, files, *rest)
            _cut(files[-1].path)
            cut = StagedFile.read(files[-1].path, Path(files[-1].path).stat().st_size, files[-1].modified_ms)
            return super().append(handle, [*files[:-1], cut], *rest)

    return Cutting


def _cut(file: str) -> None:
    """Write a Parquet file again without its last row, and without the checksum that Hadoop keeps beside it."""
    rows = pq.ParquetFile(file).read()
    Path(file).with_name(f".{Path(file).name}.crc").unlink(missing_ok=True)
    pq.write_table(rows.slice(0, rows.num_rows - 1), file)
