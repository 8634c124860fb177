"""Pages of HTML that fetch nothing, for a screen and for paper: a document of sections, tables, lists, figures."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STYLE = """
body { font-family: sans-serif; line-height: 1.45; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #111 }
h1 { margin-bottom: 0 } h2 { border-bottom: 2px solid #0072B2; margin-top: 2.2rem } h3 { margin-bottom: .3rem }
table { border-collapse: collapse; margin: .5rem 0 1rem } caption { text-align: left; color: #555 }
td, th { border: 1px solid #bbb; padding: .2rem .55rem; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums } th { background: #f0f4f8 }
tr.weak td { background: #fdeee3 } tr.few td { color: #666; font-style: italic } .none { color: #666 }
.passed, .refused { padding: .1rem .5rem; color: #fff } .passed { background: #00664b } .refused { background: #a33d00 }
tr.yellow td:first-child { border-left: .5rem solid #E69F00 }
tr.orange td:first-child { border-left: .5rem solid #D55E00 }
tr.red td:first-child { border-left: .5rem solid #9b0000 }
figure { margin: 1rem 0; break-inside: avoid } img { max-width: 100% } code { overflow-wrap: anywhere }
@media print { body { margin: 0; max-width: none; font-size: 10pt } h2 { break-after: avoid }
tr { break-inside: avoid } nav { display: none } }
"""
# What a browser is told to fetch: nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
NUMBER = ' class="number"'


def document(kind: str, title: str, made_at: str, sections: Mapping[str, str]) -> str:
    """A page of sections by title, each with its HTML, and links to them."""
    links = " · ".join(f'<a href="#{anchor(name)}">{name}</a>' for name in sections)
    body = "".join(f'<section id="{anchor(name)}"><h2>{name}</h2>{part}</section>' for name, part in sections.items())
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{kind}: {text(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head>'
        f"<body><h1>{text(title)}</h1><p>{kind} · {text(made_at)}</p><nav>{links}</nav>{body}</body></html>"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], marks: Iterable[str] = ()) -> str:
    """Rows below a head; a mark is the class of its row."""
    told = list(rows)
    classes = [f' class="{mark}"' if mark else "" for mark in marks] or [""] * len(told)
    lines = "".join(f"<tr{mark}>{cells(row)}</tr>" for row, mark in zip(told, classes, strict=True))
    return f"<table><tr>{''.join(f'<th>{text(name)}</th>' for name in head)}</tr>{lines}</table>"


def cells(values: Iterable[Any]) -> str:
    """The cells of a row, numbers to the right."""
    return "".join(f"<td{'' if isinstance(told, str) else NUMBER}>{value(told)}</td>" for told in values)


def items(values: Iterable[str]) -> str:
    """A list."""
    lines = "".join(f"<li>{text(told)}</li>" for told in values)
    return f"<ul>{lines}</ul>" if lines else none("Nothing was stated")


def none(said: str) -> str:
    """That there is nothing."""
    return f'<p class="none">{said}.</p>'


def figure(title: str, content: bytes) -> str:
    """A PNG with its title."""
    data, name = base64.b64encode(content).decode(), text(title)
    return f'<figure><img alt="{name}" src="data:image/png;base64,{data}"><figcaption>{name}</figcaption></figure>'


def value(told: Any) -> str:
    """A value for a reader: a number to four digits, counts with commas."""
    if told is None:
        return "-"
    if isinstance(told, bool):
        return "yes" if told else "no"
    if isinstance(told, int):
        return f"{told:,}"
    return f"{told:.4g}" if isinstance(told, float) else text(told)


def anchor(name: str) -> str:
    """The name of a section in a link."""
    return name.lower().replace(" ", "-")


def text(told: object) -> str:
    """Anything as text that HTML does not read."""
    return html.escape(str(told))
