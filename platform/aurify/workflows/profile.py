"""The profile: a suite proposed from the rows of a table, or of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurify.config.columns import parse_columns
from aurify.config.names import quoted
from aurify.errors import ConfigurationError
from aurify.publish.target import Handle
from aurify.quality import load_suite
from aurify.quality.profile import Assured, Finding, Reference, TableFacts, findings, measured, suite_text
from aurify.quality.profile.facts import Family, family_of, may_refer
from aurify.quality.profile.merge import merged_text, not_in
from aurify.quality.profile.suite_text import as_documents
from aurify.sources.scan import handed_over
from aurify.tables.graph import downstream_of
from aurify.tables.spec import TableSpec, Upsert
from aurify.tables.transform import MALFORMED, contract_rows, refuse_columns
from aurify.workflows.file_rows import rows_of_file

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from aurify.workflows.lake import Lake

KEY_FAMILIES = (Family.TEXT, Family.WHOLE, Family.DATE)


@dataclass(frozen=True)
class Profile:
    """What was measured of the rows of `source`, and what follows for the suite of a table."""

    source: str
    facts: TableFacts
    findings: Sequence[Finding]

    @property
    def text(self) -> str:
        """The proposed suite as a file."""
        return suite_text(self.facts, self.findings)

    @property
    def rules(self) -> int:
        """How many rules are proposed."""
        return sum(1 for finding in self.findings if finding.rule is not None)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        facts = self.facts
        head = {"table": facts.table, "source": self.source, "rows": facts.rows, "spark_jobs": facts.jobs}
        return {**head, "findings": as_documents(self.findings), "suite": self.text}


def profile(lake: Lake, table: str) -> Profile:
    """Measure the rows of a table, and propose a suite for it."""
    spec = lake.spec(table)
    session = _measuring_session(lake)
    rows = handed_over(lake.read(table), session)
    columns = _columns(rows, spec)
    upserts = isinstance(spec.write, Upsert)
    keys = [spec.keys] if spec.keys and not upserts else []
    facts = measured(rows, table, columns, keys, _parents(lake, spec, columns, session))
    order = (spec.write.order_by,) if isinstance(spec.write, Upsert) else ()
    return Profile(table, facts, findings(facts, Assured((*spec.keys, *order), spec.keys, upserts)))


def profile_file(lake: Lake, file: str, table: str | None) -> Profile:
    """Measure the rows of a file, cast to the table that is to hold them if one is named; else one named like the file.

    Lines of a CSV file that have too few or too many fields are left out.
    """
    spec = lake.spec(table) if table is not None else None
    rows = rows_of_file(_measuring_session(lake), file)
    if MALFORMED in rows.columns:
        rows = rows.where(f"{MALFORMED} IS NULL").drop(MALFORMED)
    if spec is not None:
        refuse_columns(replace(spec, file=file), lake.target(spec.name), rows)
        rows = contract_rows(lake.target(spec.name), rows)
    stem = re.sub("[^0-9a-z]+", "_", Path(file).name.split(".")[0].lower()).strip("_")
    facts = measured(rows, table or f"bronze.{stem}", _columns(rows, spec))
    return Profile(file, facts, findings(facts))


def write_beside(lake: Lake, found: Profile, path: Path) -> None:
    """Write the proposed suite into a new file."""
    refuse_existing(path)
    if not lake.storage.create(str(path), found.text.encode()):
        refuse_existing(path)


def refuse_existing(path: Path) -> None:
    """ConfigurationError where there is a file of this name."""
    if path.exists():
        hint = "choose another name; --merge adds to the suite of the table what it does not have"
        raise ConfigurationError.of(str(path), "a file", "no file of this name", hint)


def merge(lake: Lake, found: Profile) -> tuple[Path, int]:
    """Add the proposed rules that the suite of the table does not have to its file; gives the file, and how many."""
    table = found.facts.table
    path, suite = lake.suite_path(table), lake.suites[table]
    if not suite.file:
        write_beside(lake, found, path)
        return path, found.rules
    if new := not_in(suite, found.findings):
        columns, own = lake.spec(table).schema, lake.definition.expectations
        text = merged_text(suite, found.facts, new, lambda draft: load_suite(draft, table, columns, own))
        lake.storage.write(str(path), text.encode())
    return path, len(new)


def _measuring_session(lake: Lake) -> SparkSession:
    """A session of its own, whose every question is one job; there is nothing in them that adapting would help."""
    session = lake.work_session()
    session.conf.set("spark.sql.adaptive.enabled", "false")
    return session


def _columns(rows: DataFrame, spec: TableSpec | None) -> StructType:
    """The columns that a suite is about, with what the contract says of them."""
    from pyspark.sql.types import StructField, StructType

    said = {field.name: field for field in parse_columns(spec.columns).fields} if spec else {}
    own = [f for f in rows.schema.fields if (f.name in said if spec else not f.name.startswith("_"))]
    return StructType([StructField(f.name, f.dataType, True, said[f.name].metadata if spec else None) for f in own])


def _parents(lake: Lake, spec: TableSpec, columns: StructType, session: SparkSession) -> Mapping[Reference, DataFrame]:
    """What a column may refer to: keys of tables that have rows, by name and type; tables made of this one are none."""
    found: dict[Reference, DataFrame] = {}
    below = downstream_of(spec.name, lake.specs)
    for name, other in sorted(lake.specs.items()):
        if name == spec.name or name in below or len(other.keys) != 1:
            continue
        (key,) = other.keys
        family = family_of(other.schema[key].dataType)
        mine = [f.name for f in columns.fields if may_refer(f.name, name, key) and family_of(f.dataType) is family]
        handle = Handle.open(lake.target(name).path) if mine and family in KEY_FAMILIES else None
        if handle is not None and handle.position != (0, 0):
            keys = handed_over(lake.read(name).select(quoted(key)), session)
            found |= {Reference(column, name, key): keys for column in mine}
    return found
