"""A model card as one page that fetches nothing, for a screen and for paper."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aurify.models import page
from aurify.models.card import Card

TOLD = (
    "rows", "positives", "average_precision", "roc_auc", "ks", "precision", "recall", "f1", "recall_at_precision",
    "threshold_at_precision", "brier", "log_loss", "expected_calibration_error",
)  # fmt: skip
OF_SEGMENTS = ("rows", "positives", "average_precision", "roc_auc", "precision", "recall")
WEAK_BELOW = 0.05
MARKS = {"few": "too few to tell", "weak": "weak", "usual": ""}
MOST_FEATURES = 40


def card_page(card: Card) -> str:
    """The card as HTML, in the sections of Mitchell et al. 2019, "Model cards for model reporting".

    Segments are compared with the part `test`, or else the last: one is weak where its area under the ROC curve lies
    0.05 or more below that of all rows.
    """
    sections = {
        "Model details": _details(card),
        "Intended use": f"<p>{page.text(card.purpose)}</p><h3>Not for</h3>{page.items(card.not_for)}",
        "Factors": _factors(card),
        "Metrics": _metrics(card),
        "Training and evaluation data": _data(card),
        "Quantitative analyses": _analyses(card),
        "Decision of the gate": _decision(card),
        "Ethical considerations": page.items(card.ethics),
        "Caveats and known limits": page.items(card.limits),
    }
    return page.document("Model card", f"{card.name}, version {card.version}", card.made_at, sections)


def _details(card: Card) -> str:
    told = {
        "Name": card.name,
        "Version": card.version,
        "Alias": card.alias or "none",
        "Owner": card.owner,
        "Made at": card.made_at,
        "Estimator": card.estimator,
    }
    stages = "".join(f"<li><code>{_exact(stage)}</code></li>" for stage in card.stages)
    return (
        f"{_pairs(told)}<h3>Parameters</h3>{_pairs(card.parameters)}"
        f"<h3>Stages</h3>{f'<ol>{stages}</ol>' if stages else page.none('No stage')}"
        f"<h3>Features</h3>{_words(card.features)}"
        f"<h3>Fingerprints</h3>{_pairs(card.fingerprints)}<h3>Environment</h3>{_pairs(card.environment)}"
    )


def _factors(card: Card) -> str:
    looked_at = f"<p>Looked at by segment: {_words(card.segments)}</p>"
    return looked_at if card.segments else page.none("No segment was looked at")


def _metrics(card: Card) -> str:
    """A line for each metric, a column for each part of the data, with the interval where there is one."""
    if not card.metrics:
        return page.none("No metric was told")
    parts = list(dict.fromkeys([*card.metrics, *card.intervals]))
    sure = {(part, each["metric"]): each for part in card.intervals for each in card.intervals[part]}
    told = {name for found in card.metrics.values() for name, value in found.items() if _is_number(value)}
    told |= {name for _, name in sure}
    lines = []
    for name in (*(name for name in TOLD if name in told), *sorted(told - set(TOLD))):
        cells = [_measured(card.metrics.get(part, {}).get(name), sure.get((part, name))) for part in parts]
        lines.append(f"<tr><th>{_spoken(name)}</th>{''.join(cells)}</tr>")
    head = "".join(f"<th>{page.text(part)}</th>" for part in ("metric", *parts))
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>{_at(card.metrics)}"


def _at(metrics: Mapping[str, Any]) -> str:
    """Where the metrics were taken."""
    at = next((found["at"] for found in metrics.values() if found.get("at")), None)
    if at is None:
        return ""
    threshold, precision = page.value(at["threshold"]), page.value(at["precision"])
    return (
        f"<p>Precision, recall and F1 are of the rows with a score of {threshold} or more; "
        f"the recall at precision is that at a precision of {precision}.</p>"
    )


def _measured(value: Any, interval: Mapping[str, Any] | None) -> str:
    if interval is None:
        return f'<td class="number">{page.value(value)}</td>'
    told = page.value(interval["estimate"] if value is None else value)
    level = f"{interval['level']:.0%}" if interval["level"] is not None else ""
    return f'<td class="number">{told} ({level}: {page.value(interval["low"])} to {page.value(interval["high"])})</td>'


def _data(card: Card) -> str:
    data = card.data
    rows = [(part.name, part.begins, part.ends, part.rows, part.positives) for part in data.parts]
    head = ("part", "begins", "ends before", "rows", "positives")
    versions = _pairs(data.versions)
    told = _pairs({"Table of examples": data.table, "Label": data.label})
    return f"{told}<h3>Parts by time</h3>{page.table(head, rows)}<h3>Versions of the tables</h3>{versions}"


def _analyses(card: Card) -> str:
    segments = "".join(_segments(card, column) for column in card.segments)
    figures = "".join(page.figure(title, content) for title, content in card.figures.items())
    return (
        f"<h3>Figures</h3>{figures or page.none('No figure')}"
        f"<h3>By segment</h3>{segments or page.none('No segment was looked at')}"
        f"<h3>Where it errs most</h3>{_clusters(card.clusters)}"
        f"<h3>Importance of the features</h3>{_importance(card)}"
        f"{_distillation(card)}"
    )


def _distillation(card: Card) -> str:
    """What a student loses to its teacher, and how large both are."""
    if not card.distillation:
        return ""
    sizes = [card.distillation[of] for of in ("teacher", "student")]
    rows = [(name, *(size[name] for size in sizes), None) for name in sizes[0]]
    for part, told in card.distillation["metrics"].items():
        rows += [(f"{_spoken(name)} ({part})", *both.values()) for name, both in told.items()]
    head = ("", "teacher", "this model", "difference")
    return f"<h3>Beside the teacher that it was distilled from</h3>{page.table(head, rows)}"


def _segments(card: Card, column: str) -> str:
    lines = []
    for each in card.segments[column]:
        mark = _mark(card, each)
        name = "NULL" if each["segment"] is None else each["segment"]
        cells = page.cells((name, *(each["metrics"].get(metric) for metric in OF_SEGMENTS), MARKS[mark]))
        lines.append(f'<tr class="{mark}">{cells}</tr>')
    head = "".join(f"<th>{page.text(name)}</th>" for name in (column, *map(_spoken, OF_SEGMENTS), "mark"))
    return f"<table><caption>{page.text(column)}</caption><tr>{head}</tr>{''.join(lines)}</table>"


def _mark(card: Card, segment: Mapping[str, Any]) -> str:
    if segment["too_few"]:
        return "few"
    parts = list(card.metrics.values())
    whole = card.metrics.get("test", parts[-1] if parts else {}).get("roc_auc")
    area = segment["metrics"].get("roc_auc")
    return "weak" if whole is not None and area is not None and area <= whole - WEAK_BELOW else "usual"


def _clusters(clusters: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        (
            " and ".join(f"{name} = {'NULL' if value is None else value}" for name, value in each["group"]),
            each["rows"],
            each["errors"],
            each["rate"],
            each["relative"],
            ", ".join(map(str, each["examples"])),
        )
        for each in clusters
    ]
    head = ("group", "rows", "errors", "error rate", "multiple of the usual rate", "examples")
    return page.table(head, rows) if rows else page.none("No group errs more than others")


def _importance(card: Card) -> str:
    names = sorted({*card.importance, *card.shap_importance}, key=lambda name: (-_weight(card, name), name))
    rows = [(name, card.importance.get(name), card.shap_importance.get(name)) for name in names[:MOST_FEATURES]]
    left = len(names) - len(rows)
    more = f"<p>and {left} more</p>" if left else ""
    head = ("feature", "share of all gain", "mean size of the contribution (SHAP, raw score)")
    return page.table(head, rows) + more if rows else page.none("Not told")


def _weight(card: Card, name: str) -> float:
    return float((card.shap_importance or card.importance).get(name) or 0.0)


def _decision(card: Card) -> str:
    found = card.decision
    if found is None:
        return page.none("No gate has judged it")
    mark = '<span class="passed">promoted</span>' if found.is_promoted else '<span class="refused">not promoted</span>'
    champion = "no champion was there" if found.champion is None else f"compared with {page.text(found.champion)}"
    return f"<p>{mark} · {champion}</p>{page.items(found.reasons)}"


def _pairs(values: Mapping[str, Any]) -> str:
    lines = "".join(f"<tr><th>{page.text(name)}</th><td>{_exact(value)}</td></tr>" for name, value in values.items())
    return f"<table>{lines}</table>" if lines else page.none("Not told")


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"<code>{page.text(value)}</code>" for value in values) or page.none("Not told")


def _exact(value: Any) -> str:
    """A value as it was set."""
    return page.text(value if isinstance(value, str) else json.dumps(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spoken(name: str) -> str:
    return page.text(name.replace("_", " "))
