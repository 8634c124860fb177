"""`drift`: later rows of 50 columns against a reference, on profiles counted by Spark, and by Evidently in pandas.

`python -m benchmarks.drift --rows 50000` measures less.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import peers, program, results
from benchmarks.drift_rows import CATEGORIES, DRIFTED, NUMBERS, make
from benchmarks.meter import Meter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SIZES = (500_000, 5_000_000)
REFERENCE_ROWS = 500_000
RUNS = 3
# What Evidently may hold and take; a machine with less is not made to swap.
MEMORY_MB, PATIENCE_S = 14_000, 420.0
PEER = "evidently"


def measure(scratch: Path, sizes: Sequence[int] = SIZES) -> None:
    """Each size in turn; both must find the columns that have drifted, and no other."""
    failed: dict[str, str] = {}
    python = _set_up(failed)
    reference_rows = min(REFERENCE_ROWS, *sizes)
    make(str(scratch / "reference"), reference_rows, is_later=False)
    measured: dict[str, Any] = {}
    ratios: dict[str, dict[str, float]] = {}
    for rows in sizes:
        case = f"{rows // 1000}k" if rows < 1_000_000 else f"{rows // 1_000_000}m"
        make(str(scratch / "batch"), rows, is_later=True)
        told = measured[case] = _one_size(scratch, python, case, failed)
        ratios.setdefault("jobs", {})[case] = told["aurify"]["warm"][0]["jobs"]
        if told["evidently"] is not None:
            theirs, mine = told["evidently"]["costs"], _seconds(told["aurify"])
            for name, seconds in (
                ("vs_evidently", theirs["read_s"] + theirs["report_s"]),
                ("vs_evidently_report", theirs["report_s"]),
            ):
                ratios.setdefault(name, {})[case] = results.ratio(seconds, mine)
        shutil.rmtree(scratch / "batch")
        limits = {"evidently_memory_mb": MEMORY_MB, "evidently_patience_s": PATIENCE_S}
        counted = {"reference": reference_rows, **dict(zip(measured, sizes, strict=False))}
        results.write("drift", counted, ratios, {**limits, "drifted": DRIFTED, **measured, "failed": failed})


def _set_up(failed: dict[str, str]) -> Path | None:
    try:
        return peers.environment(PEER, "peers_of_drift")
    except peers.PeerFailed as error:
        failed["set-up"] = str(error)
        return None


def _one_size(scratch: Path, python: Path | None, case: str, failed: dict[str, str]) -> dict[str, Any]:
    ran = program.run("benchmarks.drift:aurify", folder=str(scratch))
    _refuse_unlike("aurify", ran["returned"])
    shutil.rmtree(scratch / "table")
    told = {"aurify": ran["costs"], "evidently": None}
    if python is None:
        return told
    said = {"reference": str(scratch / "reference"), "batch": str(scratch / "batch"), "memory_mb": MEMORY_MB}
    answer = scratch / "answer.json"
    answer.unlink(missing_ok=True)
    try:
        module = f"benchmarks.peers_of_drift.{PEER}"
        peers.call([str(python), "-m", module, json.dumps(said), str(answer)], PATIENCE_S)
        found = json.loads(answer.read_text(encoding="utf-8"))
    except peers.PeerFailed as error:
        failed[case] = str(error)
        print(f"drift: {PEER} failed\n{error}", flush=True)
        return told
    _refuse_unlike(PEER, found["found"])
    return {**told, "evidently": found}


def _refuse_unlike(name: str, found: Sequence[str]) -> None:
    """Stop where other columns are found than have drifted."""
    if sorted(found) != DRIFTED:
        raise SystemExit(f"{name} found {sorted(found)}, drifted have {DRIFTED}")


def _seconds(costs: Mapping[str, Any]) -> float:
    """Of a comparison, once the reference has its profile, as it has with a version."""
    return float(median(cost["wall_s"] for cost in costs["warm"]))


def aurify(spark: SparkSession, meter: Meter, folder: str) -> list[str]:
    """Profiles of the reference, as a training keeps them; then of the later rows in a Delta table, again and again."""
    from aurify.monitoring.counting import bins_of, profiles_of
    from aurify.monitoring.drift import drifts

    table, columns = f"{folder}/table", [*NUMBERS, *CATEGORIES]
    spark.read.parquet(f"{folder}/batch").write.format("delta").save(table)
    reference = spark.read.parquet(f"{folder}/reference")
    with meter.section("reference"):
        bins = bins_of(reference, columns)
        known = profiles_of(reference, bins)
    for section in ("first", *["warm"] * RUNS):
        with meter.section(section):
            found = drifts(known, profiles_of(spark.read.format("delta").load(table), bins))
    return [drift.column for drift in found if drift.severity]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    asked = parser.parse_args()
    with program.scratch_of("drift") as scratch:
        measure(scratch, asked.rows)


if __name__ == "__main__":
    main()
