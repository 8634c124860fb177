"""The work of `scoring`, as it runs in the process of `program.run`: a lake with fitted models, and its scoring.

All programs read the same Delta table, and each gives its largest difference to the native library's score of a row.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.meter import Meter
from benchmarks.scoring_project import GOLD, SILVER, Declared, drawn, features, project

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from aurify.models.fitted import FittedModel
    from aurify.workflows.lake import Lake

SAMPLE, SEED, THREADS = 50_000, 7, 2
PARAMETERS = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.02, "seed": SEED, "deterministic": True,
              "force_row_wise": True, "verbosity": -1, "num_threads": THREADS}  # fmt: skip
FILE_ROWS, FEW_ROWS = 250_000, 20_000
REVIEWED, REASONS = 0.01, 3  # the share of rows that something is decided on, and how many reasons explain it
EXPLAINED, WARM_UP = "explained", "warm_up"
PRIME = 1009


def make(
    spark: SparkSession, meter: Meter, folder: str, rows: int, width: int, trees: Sequence[int], sections: Sequence[str]
) -> dict[str, str]:
    """The lake up to its features, and a champion for each run of each number of trees; gives their fingerprints."""
    import numpy as np
    import pyarrow.parquet as pq

    models = _models(_grown(folder, width, trees), trees, len(sections))
    project(Path(folder, "project"), width, {name: declared for name, (_, declared) in models.items()})
    draw = np.random.default_rng(SEED)
    Path(folder, "sources/events").mkdir(parents=True)
    for first in range(0, rows, FILE_ROWS):
        part = drawn(draw, first, min(FILE_ROWS, rows - first), rows, width)
        pq.write_table(part, f"{folder}/sources/events/{first:09}.parquet")
    lake = _lake(spark, folder)
    report = lake.refresh(SILVER, GOLD)
    if report.exit_code:
        raise SystemExit(f"the refresh ended with {report.exit_code}: {report.as_dict()}")
    fitted = {count: _fitted(folder, width, count) for count in trees}
    for name, (count, _) in models.items():
        _register(lake, name, fitted[count])
    return {str(count): model.fingerprint for count, model in fitted.items()}


def _grown(folder: str, width: int, trees: Sequence[int]) -> dict[int, float]:
    """Write the texts of one model cut after each number of trees; gives from which score on each reviews a row."""
    import lightgbm
    import numpy as np

    sample = drawn(np.random.default_rng(SEED + 1), 0, SAMPLE, SAMPLE, width)
    x = np.column_stack([sample[name].to_numpy() for name in features(width)])
    data = lightgbm.Dataset(x, sample["label"].to_numpy(), feature_name=features(width))
    whole = lightgbm.train(PARAMETERS, data, max(trees))
    least = {}
    for count in trees:
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, f"{count}.txt").write_text(whole.model_to_string(num_iteration=count), encoding="utf-8")
        least[count] = float(np.quantile(whole.predict(x, num_iteration=count), 1 - REVIEWED))
    return least


def _models(least: Mapping[int, float], trees: Sequence[int], runs: int) -> dict[str, tuple[int, Declared]]:
    """The number of trees of each model by name, and what is declared of it."""
    found = {run_of(count, run): (count, Declared(least[count])) for count in trees for run in range(runs)}
    count = explained_by(trees)
    found |= {f"{EXPLAINED}_{run}": (count, Declared(least[count], REASONS)) for run in range(runs)}
    return {WARM_UP: (trees[0], Declared(least[trees[0]])), **found}


def run_of(trees: int, run: int) -> str:
    """The model of so many trees that one run scores by."""
    return f"trees_{trees}_run_{run}"


def explained_by(trees: Sequence[int]) -> int:
    """How many trees the model has whose decisions are explained: 200 where there are as many."""
    return 200 if 200 in trees else trees[0]


def _register(lake: Lake, name: str, model: FittedModel) -> None:
    from aurify.models.registry import RECORD

    with lake.registry.run(name, {}) as run:
        version = lake.registry.register(name, run, model, {RECORD: model.fingerprint}, ["lightgbm"])
    lake.registry.promote(version, "benchmarks", "fitted on a sample")


def _fitted(folder: str, width: int, trees: int) -> FittedModel:
    from aurify.models.booster import Booster
    from aurify.models.fitted import FittedModel

    names = features(width)
    return FittedModel(dict.fromkeys(names, "double"), (), Booster(text_of(folder, trees), tuple(names)))


def text_of(folder: str, trees: int) -> str:
    """The model of so many trees."""
    return Path(folder, f"{trees}.txt").read_text(encoding="utf-8")


def _lake(spark: SparkSession, folder: str) -> Lake:
    from aurify import connect

    place = Path(folder, "project")
    sys.path.insert(0, str(place / "platform"))
    os.environ.update(AURIFY_SOURCES=f"{folder}/sources", AURIFY_WAREHOUSE=f"{folder}/warehouse")
    return connect("local", project=place, spark=spark)


def features_path(folder: str) -> str:
    """The Delta table that all programs score."""
    return f"{folder}/warehouse/{GOLD.replace('.', '/')}"


def native(
    spark: SparkSession, meter: Meter, folder: str, width: int, trees: Sequence[int], sections: Sequence[str]
) -> dict[str, float]:
    """Booster.predict of one matrix in memory, with two threads; also the compiled trees there, and their compilation.

    Keeps the scores by id: what all others are held against.
    """
    import numpy as np
    from lightgbm import Booster

    from aurify.models.compiled_booster import FolderOfCodes, compiled

    table = _held(features_path(folder), ["id", *features(width)])
    ids = table["id"].to_numpy()
    x = np.column_stack([table[name].to_numpy() for name in features(width)])
    halves = [dict(zip(features(width), part.T, strict=True)) for part in np.array_split(x, THREADS)]
    del table
    differences = {}
    for count in trees:
        booster = Booster(model_str=text_of(folder, count))
        for section in sections:
            with meter.section(f"native_{count}_{section}"):
                scores = booster.predict(x, num_threads=THREADS)
        by_id = np.empty(len(ids))
        by_id[ids] = scores
        np.save(_scores_file(folder, count), by_id)
        with meter.section(f"compile_{count}"):
            made = compiled(_fitted(folder, width, count), FolderOfCodes(Path(folder, "compiled")))
        if made.why_not:
            raise SystemExit(f"{count} trees are not compiled: {made.why_not}")
        for section in sections:
            with ThreadPoolExecutor(THREADS) as pool, meter.section(f"compiled_{count}_{section}"):
                parts = list(pool.map(made.model.predict, halves))
        differences[str(count)] = float(np.abs(np.concatenate(parts) - scores).max())
    return differences


def _scores_file(folder: str, trees: int) -> Path:
    return Path(folder, f"native_{trees}.npy")


def _held(path: str, columns: Sequence[str]) -> pa.Table:
    """Columns of a Delta table, read without Spark."""
    from deltalake import DeltaTable

    return DeltaTable(path).to_pyarrow_table(columns=list(columns))


def whole(
    spark: SparkSession, meter: Meter, folder: str, width: int, trees: Sequence[int], sections: Sequence[str]
) -> dict[str, float]:
    """`aurify score` from Delta to Delta with the gate: the first run compiles the trees; then with reasons."""
    os.environ["AURIFY_CACHE"] = f"{folder}/cache"  # the jars are there by now, no compiled tree is
    lake = _lake(spark, folder)
    _score(lake, WARM_UP)
    differences = {WARM_UP: _difference_of(lake, folder, WARM_UP, trees[0])}
    for count in trees:
        for run, section in enumerate(sections):
            with meter.section(f"whole_{count}_{section}"):
                _score(lake, run_of(count, run))
            differences[run_of(count, run)] = _difference_of(lake, folder, run_of(count, run), count)
    for run, section in enumerate(sections):
        with meter.section(f"{EXPLAINED}_{section}"):
            _score(lake, f"{EXPLAINED}_{run}")
        differences[f"{EXPLAINED}_{run}"] = _difference_of(lake, folder, f"{EXPLAINED}_{run}", explained_by(trees))
    return differences


def _score(lake: Lake, name: str) -> None:
    report = lake.score(name)
    if report.exit_code:
        raise SystemExit(f"the scoring ended with {report.exit_code}: {report.as_dict()}")


def _difference_of(lake: Lake, folder: str, name: str, trees: int) -> float:
    return difference(lake.target(f"gold.{name}_scores").path, folder, trees)


def difference(path: str, folder: str, trees: int) -> float:
    """The largest difference of a row's score to the native library's; infinite where rows are missing or twice."""
    import numpy as np

    expected = np.load(_scores_file(folder, trees))
    table = _held(path, ["id", "score"])
    ids = table["id"].to_numpy()
    if len(ids) != len(expected) or len(np.unique(ids)) != len(expected):
        return float("inf")
    return float(np.abs(table["score"].to_numpy() - expected[ids]).max())


def step(
    spark: SparkSession, meter: Meter, folder: str, width: int, trees: Sequence[int], sections: Sequence[str]
) -> dict[str, float]:
    """The scoring step over rows that Spark holds in memory, and what only the way to Python and back costs."""
    from aurify.models.compiled_booster import FolderOfCodes, compiled

    rows = spark.read.format("delta").load(features_path(folder)).select("id", *features(width)).persist()
    rows.count()
    for section in sections:
        with meter.section(f"transfer_{section}"):
            rows.mapInArrow(_returned, "id bigint").agg({"id": "sum"}).collect()
    differences = {}
    for count in trees:
        model = compiled(_fitted(folder, width, count), FolderOfCodes(Path(folder, "compiled"))).model
        for section in sections:
            with meter.section(f"step_{count}_{section}"):
                found = _consumed(rows, model)
        differences[str(count)] = _of_sums(found, folder, count)
    return differences


def _consumed(rows: DataFrame, model: FittedModel) -> list[float]:
    """Two sums over the score of every row: nothing of the step can be left out."""
    from pyspark.sql import functions as F

    from aurify.scoring.scorer import SCORE, with_scores

    scored = with_scores(rows, model, ["id"])
    weighed = F.col(SCORE) * F.pmod("id", F.lit(PRIME))
    return list(scored.agg(F.sum(SCORE), F.sum(weighed)).collect()[0])


def _of_sums(found: Sequence[float], folder: str, trees: int) -> float:
    """The largest relative difference of the two sums to those of the native library's scores."""
    import numpy as np

    scores = np.load(_scores_file(folder, trees))
    expected = (float(scores.sum()), float((scores * (np.arange(len(scores)) % PRIME)).sum()))
    return max(abs(mine / theirs - 1) for mine, theirs in zip(found, expected, strict=True))


def _returned(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(["id"])
