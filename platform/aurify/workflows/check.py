"""The check: a suite over the rows of a table, or of a file, without publishing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.quality import Check, RuleResult, Scope, checks_of
from aurify.tables.judging import personal_columns
from aurify.tables.judging_frames import judged_frame
from aurify.tables.transform import RAW, built_in_checks, castable_columns, contract_rows, refuse_columns
from aurify.workflows.file_rows import rows_of_file
from aurify.workflows.neighbourhood import Neighbourhood

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

SAMPLED_ROWS = 200


@dataclass(frozen=True)
class Checked:
    """What a suite found in some rows."""

    table: str
    source: str
    rows: int
    results: Sequence[RuleResult]

    @property
    def exit_code(self) -> int:
        """1 where a rule failed that does more than warn."""
        return 1 if any(r.stops or (r.failed and r.scope == "row" and r.on_fail != "warn") for r in self.results) else 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        rules = [{**result.as_dict(), "text": result.text} for result in self.results]
        return {"table": self.table, "source": self.source, "rows": self.rows, "rules": rules}


def check(lake: Lake, table: str, file: str | None = None) -> Checked:
    """Run the suite of a table over its rows as they are, or over those of a file as if it were taken in."""
    spec, suite, target = lake.spec(table), lake.suites[table], lake.target(table)
    session = lake.work_session()
    rows = lake.read(table, session=session) if file is None else rows_of_file(session, file)
    built_in: list[Check] = []
    if file is not None:
        refuse_columns(replace(spec, file=file), target, rows)
        built_in = built_in_checks(spec, target, castable_columns(target, rows))
        rows = contract_rows(target, rows).select(*(quoted(f.name) for f in target.schema.fields), RAW)
    else:
        rows = rows.select(*(quoted(f.name) for f in target.schema.fields))
    checks = [*built_in, *checks_of(suite, target.schema, list(Scope))]
    around = Neighbourhood(lake, spec, session)
    known = {"batch_time": datetime.now(timezone.utc)}
    total, results = judged_frame(rows, checks, suite.rules, around, personal_columns(target), known)
    return Checked(table, file or table, total, results)
