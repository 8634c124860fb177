"""What the rules of a batch look at besides its rows: other tables, and the table's own earlier batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aurify.publish.balance import Balance
from aurify.publish.batch_log import Batch
from aurify.quality import Rule
from aurify.quality.table_rules import table_expectation_of
from aurify.quality.table_rules.registry import Kind
from aurify.tables.references import references
from aurify.tables.spec import TableSpec
from aurify.workflows.settle import rule_rows, unrecorded

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.workflows.lake import Lake


class Neighbourhood:
    """The lake as one batch of one table sees it; frames are those of a session."""

    def __init__(self, lake: Lake, spec: TableSpec, session: SparkSession, batch: Batch | None = None) -> None:
        self._lake = lake
        self._spec = spec
        self._session = session
        self._batch = batch

    def others(self, rules: Sequence[Rule]) -> Mapping[str, DataFrame]:
        """The rows of the other tables that the rules name, as they are now."""
        return {name: self._lake.read(name, session=self._session) for name in sorted(references(rules))}

    def history(self, rules: Sequence[Rule]) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """What was measured in earlier batches of the same generation, by rule id, oldest first.

        Rows that are no batch have no history.
        """
        wanted = {rule.id for rule in rules if table_expectation_of(rule).kind is Kind.HISTORY}
        if not wanted or self._batch is None:
            return {}
        rows = [row for row in self._told() if row["rule"] in wanted and row.get("measures")]
        rows.sort(key=lambda row: int(row["batch"]))
        return {id: [json.loads(row["measures"]) for row in rows if row["rule"] == id] for id in wanted}

    def _told(self) -> Iterator[Mapping[str, Any]]:
        """The ledger's rows of earlier batches, and those that it does not hold yet."""
        assert self._batch is not None
        name, mine = self._spec.name, (self._batch.generation, self._batch.number)
        stands = min(self._lake.batches_ledger.newest(name), self._lake.rules_ledger.newest(name))
        notes = [note for _, note in unrecorded(self._lake.state(name), stands)]
        left_out = [row for note in notes for row in rule_rows(name, note, Balance())]
        for row in (*self._lake.rules_ledger.rows(name), *left_out):
            if row["generation"] == mine[0] and row["batch"] < mine[1]:
                yield row
