"""A split of a model's champion and challenger, as far as labels have come: rates with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import DataError
from aurify.scoring.table import VERSION, name_of
from aurify.scoring.trial import RATES, Sums, Trial, tried
from aurify.workflows.labelled import LABEL, labelled_scores
from aurify.workflows.score import to_score

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from aurify.workflows.lake import Lake


def trial(lake: Lake, model: str, *, effect: float = 0.05, level: float = 0.95, power: float = 0.8) -> list[Trial]:
    """Compare the versions of the newest split, by the rows of its batches whose labels are known; one job.

    ConfigurationError: the model scores nothing, or its scores can't be joined with its labels. DataError: no split.
    """
    asked = to_score(lake, model)
    spec = asked.spec
    rows = labelled_scores(lake, asked, f"trial of {model}")
    versions, batches = _newest_split(model, lake.read(name_of(spec)))
    entity = asked.scoring.entity or asked.rows.keys
    split = rows.where(f"batch IN ({', '.join(map(str, batches))})")
    decided = _decided(split, asked.scoring.otherwise)
    told = _sums(decided, entity)
    sums = {rate: [told.get((version, rate), Sums(0, 0, 0, 0, 0, 0)) for version in versions] for rate in RATES}
    return [tried(rate, *sums[rate], effect=effect, level=level, power=power) for rate in RATES]


def _newest_split(model: str, scores: DataFrame) -> tuple[tuple[int, int], list[int]]:
    """Champion and challenger of the newest batch that had both, and all batches of these two."""
    from pyspark.sql import functions as F

    by_role = [F.max(F.when(F.col("role") == role, F.col(VERSION))).alias(role) for role in ("champion", "challenger")]
    batches = scores.where("role IN ('champion', 'challenger')").groupBy("batch").agg(*by_role)
    rows = batches.where("champion IS NOT NULL AND challenger IS NOT NULL").orderBy(F.desc("batch")).collect()
    if not rows:
        hint = f"aurify score {model} --challenger VERSION --split 5%"
        raise DataError.of(f"trial of {model}", "no batch with a challenger", "a split", hint)
    pair = (int(rows[0]["champion"]), int(rows[0]["challenger"]))
    return pair, [int(row["batch"]) for row in rows if (row["champion"], row["challenger"]) == pair]


def _decided(rows: DataFrame, otherwise: str) -> DataFrame:
    """Rows with the hits and rows of each rate, 0 or 1."""
    from pyspark.sql import functions as F

    flagged, is_known = F.col("decision") != otherwise, F.col(LABEL).isNotNull()
    is_hit = F.col(LABEL) == 1
    parts: dict[str, tuple[Column, Column]] = {
        "precision": (flagged & is_hit, flagged & is_known),
        "recall": (flagged & is_hit, is_hit),
        "flagged": (flagged, F.lit(True)),
    }
    numbers = {
        f"{rate}_{what}": F.coalesce(condition, F.lit(False)).cast("double")
        for rate, pair in parts.items()
        for what, condition in zip(("hits", "rows"), pair, strict=True)
    }
    return rows.withColumns(numbers)


def _sums(rows: DataFrame, entity: tuple[str, ...]) -> dict[tuple[int, str], Sums]:
    """The sums of each version and rate, over entities that have a row of the rate."""
    from pyspark.sql import functions as F

    names = [f"{rate}_{what}" for rate in RATES for what in ("hits", "rows")]
    of_entity = rows.groupBy(VERSION, *map(quoted, entity)).agg(*(F.sum(name).alias(name) for name in names))
    asked = []
    for rate in RATES:
        hits, count = F.col(f"{rate}_hits"), F.col(f"{rate}_rows")
        sums = (F.lit(1.0), hits, count, hits * hits, hits * count, count * count)
        asked += [F.sum(F.when(count > 0, number)).alias(f"{rate}{place}") for place, number in enumerate(sums)]
    found = {}
    for row in of_entity.groupBy(VERSION).agg(*asked).collect():
        for rate in RATES:
            entities, *numbers = (row[f"{rate}{place}"] or 0.0 for place in range(6))
            found[int(row[VERSION]), rate] = Sums(int(entities), *numbers)
    return found
