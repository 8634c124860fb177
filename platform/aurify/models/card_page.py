"""A model card as one page that fetches nothing, for a screen and for paper."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aurify.models.card import Card

STYLE = """
body { font-family: sans-serif; line-height: 1.45; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #111 }
h1 { margin-bottom: 0 } h2 { border-bottom: 2px solid #0072B2; margin-top: 2.2rem } h3 { margin-bottom: .3rem }
table { border-collapse: collapse; margin: .5rem 0 1rem } caption { text-align: left; color: #555 }
td, th { border: 1px solid #bbb; padding: .2rem .55rem; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums } th { background: #f0f4f8 }
tr.weak td { background: #fdeee3 } tr.few td { color: #666; font-style: italic } .none { color: #666 }
.passed, .refused { padding: .1rem .5rem; color: #fff } .passed { background: #00664b } .refused { background: #a33d00 }
figure { margin: 1rem 0; break-inside: avoid } img { max-width: 100% } code { overflow-wrap: anywhere }
@media print { body { margin: 0; max-width: none; font-size: 10pt } h2 { break-after: avoid }
tr { break-inside: avoid } nav { display: none } }
"""
# What a browser is told to fetch: nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
TOLD = (
    "rows", "positives", "average_precision", "roc_auc", "ks", "precision", "recall", "f1", "recall_at_precision",
    "threshold_at_precision", "brier", "log_loss", "expected_calibration_error",
)  # fmt: skip
OF_SEGMENTS = ("rows", "positives", "average_precision", "roc_auc", "precision", "recall")
NUMBER = ' class="number"'
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
        "Intended use": f"<p>{_text(card.purpose)}</p><h3>Not for</h3>{_items(card.not_for)}",
        "Factors": _factors(card),
        "Metrics": _metrics(card),
        "Training and evaluation data": _data(card),
        "Quantitative analyses": _analyses(card),
        "Decision of the gate": _decision(card),
        "Ethical considerations": _items(card.ethics),
        "Caveats and known limits": _items(card.limits),
    }
    title = f"{_text(card.name)}, version {_text(card.version)}"
    links = " · ".join(f'<a href="#{_anchor(name)}">{name}</a>' for name in sections)
    body = "".join(f'<section id="{_anchor(name)}"><h2>{name}</h2>{text}</section>' for name, text in sections.items())
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Model card: {title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>Model card · {_text(card.made_at)}</p><nav>{links}</nav>{body}</body></html>"
    )


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
        f"<h3>Stages</h3>{f'<ol>{stages}</ol>' if stages else _none('No stage')}"
        f"<h3>Features</h3>{_words(card.features)}"
        f"<h3>Fingerprints</h3>{_pairs(card.fingerprints)}<h3>Environment</h3>{_pairs(card.environment)}"
    )


def _factors(card: Card) -> str:
    looked_at = f"<p>Looked at by segment: {_words(card.segments)}</p>"
    return looked_at if card.segments else _none("No segment was looked at")


def _metrics(card: Card) -> str:
    """A line for each metric, a column for each part of the data, with the interval where there is one."""
    if not card.metrics:
        return _none("No metric was told")
    parts = list(dict.fromkeys([*card.metrics, *card.intervals]))
    sure = {(part, each["metric"]): each for part in card.intervals for each in card.intervals[part]}
    told = {name for found in card.metrics.values() for name, value in found.items() if _is_number(value)}
    told |= {name for _, name in sure}
    lines = []
    for name in (*(name for name in TOLD if name in told), *sorted(told - set(TOLD))):
        cells = [_measured(card.metrics.get(part, {}).get(name), sure.get((part, name))) for part in parts]
        lines.append(f"<tr><th>{_spoken(name)}</th>{''.join(cells)}</tr>")
    head = "".join(f"<th>{_text(part)}</th>" for part in ("metric", *parts))
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>{_at(card.metrics)}"


def _at(metrics: Mapping[str, Any]) -> str:
    """Where the metrics were taken."""
    at = next((found["at"] for found in metrics.values() if found.get("at")), None)
    if at is None:
        return ""
    threshold, precision = _value(at["threshold"]), _value(at["precision"])
    return (
        f"<p>Precision, recall and F1 are of the rows with a score of {threshold} or more; "
        f"the recall at precision is that at a precision of {precision}.</p>"
    )


def _measured(value: Any, interval: Mapping[str, Any] | None) -> str:
    if interval is None:
        return f'<td class="number">{_value(value)}</td>'
    told = _value(interval["estimate"] if value is None else value)
    level = f"{interval['level']:.0%}" if interval["level"] is not None else ""
    return f'<td class="number">{told} ({level}: {_value(interval["low"])} to {_value(interval["high"])})</td>'


def _data(card: Card) -> str:
    data = card.data
    rows = [(part.name, part.begins, part.ends, part.rows, part.positives) for part in data.parts]
    head = ("part", "begins", "ends before", "rows", "positives")
    versions = _pairs(data.versions)
    told = _pairs({"Table of examples": data.table, "Label": data.label})
    return f"{told}<h3>Parts by time</h3>{_table(head, rows)}<h3>Versions of the tables</h3>{versions}"


def _analyses(card: Card) -> str:
    segments = "".join(_segments(card, column) for column in card.segments)
    figures = "".join(_figure(title, content) for title, content in card.figures.items())
    return (
        f"<h3>Figures</h3>{figures or _none('No figure')}"
        f"<h3>By segment</h3>{segments or _none('No segment was looked at')}"
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
    return f"<h3>Beside the teacher that it was distilled from</h3>{_table(head, rows)}"


def _segments(card: Card, column: str) -> str:
    lines = []
    for each in card.segments[column]:
        mark = _mark(card, each)
        name = "NULL" if each["segment"] is None else each["segment"]
        cells = _cells((name, *(each["metrics"].get(metric) for metric in OF_SEGMENTS), MARKS[mark]))
        lines.append(f'<tr class="{mark}">{cells}</tr>')
    head = "".join(f"<th>{_text(name)}</th>" for name in (column, *map(_spoken, OF_SEGMENTS), "mark"))
    return f"<table><caption>{_text(column)}</caption><tr>{head}</tr>{''.join(lines)}</table>"


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
    return _table(head, rows) if rows else _none("No group errs more than others")


def _importance(card: Card) -> str:
    names = sorted({*card.importance, *card.shap_importance}, key=lambda name: (-_weight(card, name), name))
    rows = [(name, card.importance.get(name), card.shap_importance.get(name)) for name in names[:MOST_FEATURES]]
    left = len(names) - len(rows)
    more = f"<p>and {left} more</p>" if left else ""
    head = ("feature", "share of all gain", "mean size of the contribution (SHAP, raw score)")
    return _table(head, rows) + more if rows else _none("Not told")


def _weight(card: Card, name: str) -> float:
    return float((card.shap_importance or card.importance).get(name) or 0.0)


def _decision(card: Card) -> str:
    found = card.decision
    if found is None:
        return _none("No gate has judged it")
    mark = '<span class="passed">promoted</span>' if found.is_promoted else '<span class="refused">not promoted</span>'
    champion = "no champion was there" if found.champion is None else f"compared with {_text(found.champion)}"
    return f"<p>{mark} · {champion}</p>{_items(found.reasons)}"


def _figure(title: str, content: bytes) -> str:
    data, name = base64.b64encode(content).decode(), _text(title)
    return f'<figure><img alt="{name}" src="data:image/png;base64,{data}"><figcaption>{name}</figcaption></figure>'


def _pairs(values: Mapping[str, Any]) -> str:
    lines = "".join(f"<tr><th>{_text(name)}</th><td>{_exact(value)}</td></tr>" for name, value in values.items())
    return f"<table>{lines}</table>" if lines else _none("Not told")


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{_text(name)}</th>' for name in head)}</tr>{lines}</table>"


def _cells(values: Iterable[Any]) -> str:
    return "".join(f"<td{'' if isinstance(value, str) else NUMBER}>{_value(value)}</td>" for value in values)


def _items(values: Iterable[str]) -> str:
    lines = "".join(f"<li>{_text(value)}</li>" for value in values)
    return f"<ul>{lines}</ul>" if lines else _none("Nothing was stated")


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"<code>{_text(value)}</code>" for value in values) or _none("Not told")


def _none(text: str) -> str:
    return f'<p class="none">{text}.</p>'


def _value(value: Any) -> str:
    """A value for a reader: a number to four digits, counts with commas."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else _text(value)


def _exact(value: Any) -> str:
    """A value as it was set."""
    return _text(value if isinstance(value, str) else json.dumps(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spoken(name: str) -> str:
    return _text(name.replace("_", " "))


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _text(value: object) -> str:
    return html.escape(str(value))
