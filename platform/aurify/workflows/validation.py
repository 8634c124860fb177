"""What the ledger says of a batch as Great Expectations' validation result, for whatever reads those."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aurify.errors import ConfigurationError
from aurify.quality.entries import Entry, entry_ids, read_entries
from aurify.quality.exchange import is_known_to_great_expectations
from aurify.quality.result import Outcome, map_result
from aurify.workflows.suites import kept_suite

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

OF_THE_LEDGER = ("table", "generation", "batch", "state", "run", "version", "recorded_at")


def validation_result(lake: Lake, table: str, generation: int, batch: int) -> dict[str, Any]:
    """One batch in the form of an ExpectationSuiteValidationResult; our own checks stand below `meta.aurify`."""
    of_batch = [r for r in lake.batches_ledger.rows(table) if _is(r, table, generation, batch)]
    if not of_batch:
        hint = f"aurify runs {table} lists them"
        raise ConfigurationError.of(table, f"no batch {batch} of generation {generation}", "a recorded batch", hint)
    told = {r["rule"]: r for r in lake.rules_ledger.rows(table) if _is(r, table, generation, batch)}
    return document(kept_suite(lake, table, of_batch[0]["suite"]) or {}, told, of_batch[0])


def document(
    suite: Mapping[str, Any], told: Mapping[str, Mapping[str, Any]], batch: Mapping[str, Any]
) -> dict[str, Any]:
    """The validation result of a suite in Great Expectations' form, and of what each of its rules found."""
    entries = read_entries(suite.get("expectations", []), [])
    ids = entry_ids(entries, [])
    pairs = [(entry, told[ids[entry.number]]) for entry in entries if ids[entry.number] in told]
    results = [_result(suite["expectations"][e.number - 1], row) for e, row in pairs if _is_theirs(e)]
    named = {ids[entry.number] for entry, _ in pairs if _is_theirs(entry)}
    passed = sum(bool(result["success"]) for result in results)
    meta = {name: str(batch[name]) if name == "recorded_at" else batch[name] for name in OF_THE_LEDGER}
    own = [_own(row) for id, row in told.items() if id not in named]
    return {
        "success": passed == len(results),
        "results": results,
        "suite_name": suite.get("name", batch["table"]),
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": passed / len(results) * 100 if results else None,
        },
        "meta": {
            "active_batch_definition": {"batch_identifiers": {"batch": batch["batch"]}},
            "run_id": {"run_name": batch["run"], "run_time": str(batch["recorded_at"])},
            "aurify": {**meta, "checks": own},
        },
        "id": None,
    }


def _is(row: Mapping[str, Any], table: str, generation: int, batch: int) -> bool:
    return (row["table"], row["generation"], row["batch"]) == (table, generation, batch)


def _is_theirs(entry: Entry) -> bool:
    return is_known_to_great_expectations(entry.name)


def _result(expectation: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: _parsed(value) if name in ("observed", "details", "sample") else value for name, value in row.items()}
    if told.get("elements") is not None:
        found = map_result({name: value for name, value in told.items() if value is not None})
    else:
        found = {"observed_value": told.get("observed")}
        if told.get("details"):
            found["details"] = told["details"]
    ours = {name: told[name] for name in ("rule", "on_fail", "scope", "outcome", "undetermined") if told.get(name)}
    return {
        "success": told["outcome"] != Outcome.FAILED.value,
        "expectation_config": {
            key: expectation[key] for key in ("type", "kwargs", "meta", "severity") if key in expectation
        },
        "result": found,
        "meta": {"aurify": ours},
        "exception_info": {"raised_exception": False, "exception_traceback": None, "exception_message": None},
    }


def _own(row: Mapping[str, Any]) -> dict[str, Any]:
    """A check that the engine adds, or an expectation that only we know."""
    said: Sequence[str] = ("rule", "on_fail", "scope", "outcome", "elements", "missing", "unexpected", "observed")
    return {name: row[name] for name in said if row.get(name) is not None}


def _parsed(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value
