"""What the benchmark `scoring` scores: events with numbers, and a project that declares a model for each run.

A model is declared once for each run, so that each run scores all rows into a table of its own, behind the same suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gate_shapes import PROJECT

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

DAYS = 30
SILVER, GOLD = "silver.events", "gold.features"

_TABLES = """
from datetime import timedelta

from aurify import Append, ByTime, Calendar, Training, changes, feature_view, folder, model, table
from aurify.models import LightGBM, Scoring

FEATURES = FEATURES_TEXT
MODELS = MODELS_TEXT
COLUMNS = ", ".join(
    ["id bigint", "entity bigint", "at timestamp", "day date", *(f"{name} double" for name in FEATURES)]
)
FILES = folder("events", format="parquet", columns=f"{COLUMNS}, label int", pattern="*.parquet")


@table("silver.events", inputs={"files": FILES}, keys=["id"], time="at", write=Append(),
       columns=f"{COLUMNS}, label int", rows="same", owner="benchmarks")
def events(files):
    'One row an event.'
    return files


@feature_view("gold.features", inputs={"events": changes("silver.events")}, entity="entity", event_time="at", by="day",
              keys=["id"], columns=COLUMNS, features=[Calendar("is_weekend")], owner="benchmarks")
def features(events):
    'The numbers of an event.'
    return events.drop("label")


def declared(name, least, reasons):
    'A model that is fitted elsewhere, and what is decided by it.'

    @model(name, data=Training("silver.events", ("gold.features",), "label", "at"), features=FEATURES,
           split=ByTime(train=timedelta(days=10), gap=timedelta(days=1), test=timedelta(days=5)),
           estimator=LightGBM({"objective": "binary"}, rounds=1), owner="benchmarks",
           scoring=Scoring(rows="gold.features", decide={"review": least}, reasons=reasons))
    def rows(rows):
        'How likely an event is one of those that are looked for.'
        return rows

    return rows


globals().update({name: declared(name, *told) for name, told in MODELS.items()})
"""
_SUITE = """table: {table}
expectations:
  - expect_column_values_to_not_be_null: {{column: id}}
  - expect_column_values_to_not_be_null: {{column: decision}}
  - expect_column_values_to_be_in_set: {{column: decision, value_set: [pass, review]}}
  - expect_column_values_to_be_between: {{column: score, min_value: 0, max_value: 1}}
"""


@dataclass(frozen=True)
class Declared:
    """One model of the project: from which score on a row is reviewed, and how many reasons such a row has."""

    least: float
    reasons: int = 0


def project(folder: Path, width: int, models: Mapping[str, Declared]) -> Path:
    """The project, written into `folder`, with the settings of that of `gate`."""
    texts = {
        path: (PROJECT / path).read_text(encoding="utf-8")
        for path in ("conf/base/settings.yml", "conf/local/settings.yml")
    }
    told = {name: (each.least, each.reasons) for name, each in models.items()}
    texts["conf/base/project.yml"] = "project: scored\nmodules: [scored.tables]\n"
    texts["platform/scored/__init__.py"] = '"""Events and models that score them."""\n'
    texts["platform/scored/tables.py"] = _TABLES.replace("FEATURES_TEXT", repr(features(width))).replace(
        "MODELS_TEXT", repr(told)
    )
    for name in models:
        texts[f"quality/suites/gold_{name}_scores.yml"] = _SUITE.format(table=f"gold.{name}_scores")
    for path, text in texts.items():
        Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, path).write_text(text, encoding="utf-8")
    return folder


def features(width: int) -> list[str]:
    """The names of so many features."""
    return [f"x{place}" for place in range(width)]


def drawn(draw: np.random.Generator, first: int, rows: int, of: int, width: int) -> pa.Table:
    """The rows from `first` on of `of` rows in all, spread over the days; a few are what is looked for.

    Amounts, hours, counts and normal numbers; each counts a little, some together, and one is missing at times.
    """
    import numpy as np
    import pyarrow as pa

    x = draw.normal(size=(width, rows))
    odds = np.linspace(0.6, 0.1, width) @ x / np.sqrt(width / 15) + np.sin(x[4]) * x[5]
    x[0] = np.exp(x[0])
    x[1] = draw.integers(0, 24, rows)
    x[2] = draw.poisson(2.0, rows)
    odds += 1.5 * (x[1] < 6) * (x[2] > 2)
    x[7][draw.random(rows) < 0.05] = np.nan
    label = draw.random(rows) < 1 / (1 + np.exp(4 - odds))
    ids = np.arange(first, first + rows)
    seconds = ids * (DAYS * 86_400) // of
    at = np.datetime64("2025-03-01T00:00:00", "us") + seconds.astype("timedelta64[s]")
    return pa.table(
        {
            "id": ids,
            "entity": ids % 10_007,
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "day": pa.array(at.astype("datetime64[D]")),
            **{name: pa.array(x[place], from_pandas=True) for place, name in enumerate(features(width))},
            "label": pa.array(label.astype("int32")),
        }
    )
