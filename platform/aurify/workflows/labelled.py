"""The scores of a model beside the labels that have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError
from aurify.models.learnable import label
from aurify.scoring.batch import ToScore
from aurify.scoring.table import name_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake

LABEL = "_label"


def labelled_scores(lake: Lake, asked: ToScore, where: str) -> DataFrame:
    """All scores, with their label as a double, NULL where none has come.

    ConfigurationError where the scores lack the keys of the labels.
    """
    spec = asked.spec
    scores, keys = lake.read(name_of(spec)), list(lake.spec(spec.data.labels).keys)
    if missing := [key for key in keys if key not in scores.columns]:
        hint = f"keep them: Scoring(keep=({', '.join(map(repr, missing))},))"
        found = f"no column {', '.join(missing)} in {name_of(spec)}"
        raise ConfigurationError.of(where, found, f"the keys of {spec.data.labels}", hint)
    known = lake.read(spec.data.labels).select(*map(quoted, keys), label(spec.data.target).alias(LABEL))
    return scores.join(known, keys, "left")
