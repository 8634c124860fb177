"""The plan of one table's rows: transform and assay its next batch into a folder that is removed, and count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from aurify.errors import AurifyError
from aurify.publish.batch_log import Batch
from aurify.publish.publication import Attempt
from aurify.publish.target import Handle
from aurify.quality import RuleResult
from aurify.tables.inputs import BatchInputs
from aurify.tables.pending import find_pending, next_batch
from aurify.tables.rulebook import Rulebook
from aurify.tables.spec import TableSpec
from aurify.tables.staging import stage
from aurify.workflows.from_quarantine import from_quarantine
from aurify.workflows.lake import Lake
from aurify.workflows.neighbourhood import Neighbourhood
from aurify.workflows.run import Run, quiet
from aurify.workflows.schedule import explained

VERDICTS = ("ok", "superseded", "drop", "quarantine", "fail")


@dataclass(frozen=True)
class RowsPlan:
    """The next batch of a table by verdict and by rule; `batch` is None where there is nothing to do."""

    table: str
    batch: str | None = None
    because: str = ""
    read: int = 0
    withdrawn: int = 0
    assayed: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    rules: Sequence[dict[str, Any]] = ()

    @property
    def exit_code(self) -> int:
        """1 where a refresh would stop at a rule."""
        return 1 if any(rule["stops"] for rule in self.rules) else 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": self.exit_code, **asdict(self)}


def plan_rows(lake: Lake, table: str, *, full: bool = False) -> RowsPlan:
    """Count the rows of the table's next batch, of an open or a stopped one too; the table is left alone."""
    spec = lake.spec(table)
    run = Run(lake, [table], quiet)
    batch, because = _next(lake, spec, run, full)
    if batch is None:
        return RowsPlan(table, because=because)
    folder = f"{lake.settings.warehouse}/plan/{run.id}"
    try:
        return _counted(lake, spec, batch, run, folder)
    except AurifyError:
        raise
    except Exception as error:
        raise explained(table, error) from error
    finally:
        lake.storage.remove(folder)


def _next(lake: Lake, spec: TableSpec, run: Run, full: bool) -> tuple[Batch | None, str]:
    state = lake.state(spec.name)
    state.refuse_foreign()
    batch = state.open_batch
    if batch is not None and not full:
        replays = f"{batch.label} is a replay: the next refresh ends it" if batch.kind == "replay" else ""
        return (None, replays) if replays else (batch, "")
    pending = find_pending(spec, state, lake.storage, lake.targets, lake.settings.source_root, full)
    if pending.waits_for:
        return None, f"no rows yet in {', '.join(pending.waits_for)}"
    return (None, "") if pending.is_empty else (next_batch(state, pending, run.id, run.now()), "")


def _counted(lake: Lake, spec: TableSpec, batch: Batch, run: Run, folder: str) -> RowsPlan:
    """Stage the batch for a table that lies in `folder` and is empty."""
    target = replace(lake.target(spec.name), path=folder)
    session = lake.work_session()
    attempt = Attempt(
        id=run.next_attempt(),
        batch=batch,
        target=target,
        handle=Handle.create(folder, target.physical_schema, {"kind": "plan"}),
        storage=lake.storage,
        spark=session,
        step=lambda name: None,
    )
    inputs = BatchInputs(spec, batch, session, lake.storage, lake.targets, lake.settings.source_root)
    around = Neighbourhood(lake, spec, session, batch)
    book = Rulebook(
        lake.suites[spec.name], None, around, from_quarantine(lake, spec, lake.state(spec.name), batch, session)
    )
    results = stage(spec, attempt, inputs, book)
    return RowsPlan(
        spec.name,
        batch.label,
        read=attempt.balance.read,
        withdrawn=attempt.balance.withdrawn,
        assayed=attempt.balance.assayed,
        verdicts={verdict: attempt.staged.count(verdict) for verdict in VERDICTS},
        rules=[_rule(result) for result in results],
    )


def _rule(result: RuleResult) -> dict[str, Any]:
    return {**result.as_dict(), "text": result.text, "stops": result.stops}
