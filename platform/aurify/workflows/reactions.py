"""A champion that is rolled back by itself, where the model's file declares it."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import AurifyError
from aurify.models.judged import difference
from aurify.models.registry import Version
from aurify.monitoring.performance import Performance
from aurify.scoring.batch import ToScore
from aurify.scoring.table import VERSION
from aurify.workflows.batch_drift import rows_of_batch
from aurify.workflows.halted import alerts_for
from aurify.workflows.labelled import LABEL, labelled_scores
from aurify.workflows.models import former_champion, rollback
from aurify.workflows.performance import DAY, unit_of, with_day

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.models.intervals import Interval
    from aurify.workflows.lake import Lake

_FORMER = "_former"


def rolled_back(lake: Lake, asked: ToScore, champion: Version, told: Performance) -> str:
    """Make the champion before champion again where the declaration says so; what was done, in words, or "".

    Only where it surely does better on the same rows. Done once: afterwards the version is champion no more.
    """
    spec = asked.spec
    alerts = alerts_for(lake, spec, champion.number, spec.monitoring.roll_back)
    if told.now is None or not any(one.alert.column == spec.metric for one in alerts):
        return ""
    former = former_champion(lake, spec.name)
    if former is None:
        return "no champion before this one to roll back to"
    try:
        gap = _difference(lake, asked, champion, former, told)
    except AurifyError as error:
        return f"not rolled back, version {former.number} can't be compared: {error.render()}"
    text = (
        f"version {former.number} instead of {champion.number}: {gap.metric} {gap.estimate:+.3g} on the same rows, "
        f"between {gap.low:+.3g} and {gap.high:+.3g}"
    )
    if not gap.low > 0:
        return f"not rolled back, {text}"
    rollback(lake, spec.name, f"{told.why}; {text}", by="aurify monitor")
    return f"rolled back to {text}"


def _difference(lake: Lake, asked: ToScore, champion: Version, former: Version, told: Performance) -> Interval:
    """The former champion's metric less the champion's, on the rows of the window."""
    spec, models = asked.spec, lake.registry
    rows = _window(lake, asked, champion, told)
    both = models.load(former).scored(rows, _FORMER).persist()
    try:
        found = both.drop(spec.data.target).withColumnRenamed(LABEL, spec.data.target)
        return difference(found, spec, unit_of(asked, found), (_FORMER, "score"))
    finally:
        both.unpersist()


def _window(lake: Lake, asked: ToScore, champion: Version, told: Performance) -> DataFrame:
    """The labelled rows of the window with their features, as the champion scored them."""
    from pyspark.sql import DataFrame

    assert told.window is not None
    labelled = labelled_scores(lake, asked, f"monitor {asked.spec.name}").where(f"{VERSION} = {champion.number}")
    own = with_day(labelled.where(f"{LABEL} IS NOT NULL"), asked)
    own = own.where(f"{DAY} BETWEEN '{told.window[0]}' AND '{told.window[1]}'")
    keys = list(asked.rows.keys)
    batches = sorted(int(row["batch"]) for row in own.select("batch").distinct().collect())
    parts = [rows_of_batch(lake, asked, champion, number) for number in batches]
    return reduce(DataFrame.unionByName, parts).join(own.select(*map(quoted, keys), LABEL), keys)
