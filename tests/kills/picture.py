"""What a lake holds, in all columns but run id, attempt id and clock times: by Spark, and by its files alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from tests.kills.borders import TABLES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake

# A table made again after a kill has another Delta id.
# A row's place in quarantine hangs on how its tasks ran.
OF_A_RUN = ("run", "attempt", "_attempt", "recorded_at", "committed_at", "table_id", "_row", "_replay_of")
Rows = list[str]


def rows_by_spark(lake: Lake, tables: Sequence[str] = TABLES) -> dict[str, Rows]:
    """Rows of the tables, their quarantine and the ledger, as readers get them."""
    from pyspark.sql import DataFrame
    from pyspark.sql import functions as F

    frames = {table: lake.read(table) for table in tables}
    frames |= {f"quarantine of {table}": _same_in_all_runs(lake.quarantine(table)) for table in tables}
    texts = [f.select(F.lit(name).alias("what"), F.to_json(F.struct("*")).alias("row")) for name, f in frames.items()]
    found: dict[str, Rows] = {name: [] for name in frames}
    for what, row in reduce(DataFrame.unionAll, texts).collect():
        found[what].append(row)
    ledgers = {"batches": lake.batches_ledger, "rules": lake.rules_ledger}
    return {name: sorted(rows) for name, rows in found.items()} | {
        f"ledger of {name}": _sorted(ledger.rows()) for name, ledger in ledgers.items()
    }


def _same_in_all_runs(rows: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    pointers = F.map_filter("_pointers", lambda name, _: ~name.isin(*OF_A_RUN))
    return rows.withColumn("_pointers", pointers).drop(*OF_A_RUN)


def rows_by_log(root: Path, tables: Sequence[str] = TABLES) -> dict[str, Rows]:
    """Rows of the files that the Delta logs name, tombstones too, and what our commits say of themselves."""
    found: dict[str, Rows] = {}
    for table in tables:
        path = root / "lake" / table.replace(".", "/")
        notes = committed_notes(path)
        named = [(note, path / name) for note in notes for name in note.pop("images", ())]
        images = [(note, pq.ParquetFile(file).read()) for note, file in named if file.exists()]
        found[f"changes of {table}"] = _sorted(
            {**row, "batch": note["batch"]} for note, rows in images for row in rows.to_pylist()
        )
        found[f"rows of {table}"] = _sorted(live_rows(path))
        found[f"commits of {table}"] = _sorted(notes)
        attempts = {note["attempt"] for note in notes}
        bad = live_rows(root / "lake" / "quarantine" / table.replace(".", "_"))
        found[f"quarantine of {table}"] = _sorted(row for row in bad if row["_attempt"] in attempts)
        counted = sum(note["counts"]["quarantined"] for note in notes)
        assert len(found[f"quarantine of {table}"]) == counted, f"{table}: the commits speak of {counted} bad rows"
    for ledger in ("batches", "rules"):
        rows = live_rows(root / "lake" / "ledger" / ledger)
        found[f"ledger of {ledger}"] = _sorted(row for row in rows if row["table"] in tables)
    return found


def log_actions(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every action of a Delta log, with its version; the logs here are too short for a checkpoint."""
    for file in sorted((path / "_delta_log").glob("*.json")):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield int(file.stem), json.loads(line)


def live_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of the files that the newest version consists of; each file holds what the log says it does."""
    live: dict[str, dict[str, Any]] = {}
    for _, action in log_actions(path):
        if "add" in action:
            live[action["add"]["path"]] = action["add"]
        live.pop(action.get("remove", {}).get("path", ""), None)
    rows: list[dict[str, Any]] = []
    for name, add in live.items():
        held = pq.ParquetFile(path / unquote(name)).read().to_pylist()
        assert len(held) == json.loads(add["stats"])["numRecords"], f"{name} holds {len(held)} rows"
        rows += [{**row, **add["partitionValues"]} for row in held]
    return rows


def committed_notes(path: Path) -> list[dict[str, Any]]:
    """Our notes of the commits that published a batch, oldest first; no batch has two."""
    said = [json.loads(a["commitInfo"].get("userMetadata", "{}")) for _, a in log_actions(path) if "commitInfo" in a]
    notes = [s["aurify"] for s in said if "attempt" in s.get("aurify", {})]
    batches = [(note["generation"], note["batch"]) for note in notes]
    assert len(batches) == len(set(batches)), f"{path.name}: committed twice: {batches}"
    return notes


def _sorted(rows: Any) -> Rows:
    return sorted(json.dumps(_without_run(row), sort_keys=True, default=str) for row in rows)


def _without_run(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_run(held) for key, held in value.items() if key not in OF_A_RUN}
    if isinstance(value, (list, tuple)):  # a map is a list of pairs
        kept = (held for held in value if not (isinstance(held, tuple) and held and held[0] in OF_A_RUN))
        return [_without_run(held) for held in kept]
    return value


def differences(found: Mapping[str, Rows], expected: Mapping[str, Rows]) -> str:
    """Nothing where both are the same, else the first rows that only one of them has."""
    told = []
    for name in sorted({*found, *expected}):
        have, want = Counter(found.get(name, ())), Counter(expected.get(name, ()))
        told += [f"{name}: too many: {row}" for row in list((have - want).elements())[:3]]
        told += [f"{name}: missing: {row}" for row in list((want - have).elements())[:3]]
    return "\n".join(told)
