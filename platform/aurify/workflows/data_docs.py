"""Great Expectations' Data Docs of the batches in the ledger: pages that fetch nothing from outside."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurify.errors import EnvironmentFailure
from aurify.workflows.validation import validation_result

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

FETCHED = re.compile(
    r"<script\b[^>]*\bsrc\s*=\s*[\"']?https?:[^>]*>\s*</script>|<link\b[^>]*\bhref\s*=\s*[\"']?https?:[^>]*>"
    r"|<img\b[^>]*\bsrc\s*=\s*[\"']?https?:[^>]*>|@import\s+url\([^)]*https?:[^)]*\)\s*;?",
    re.IGNORECASE,
)
STYLE = """<style>
body { font-family: sans-serif; margin: 2rem; line-height: 1.4 }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { border: 1px solid #bbb; padding: .2rem .5rem; text-align: left }
.collapse { display: block } .row { margin: 0 } ul { padding-left: 1.2rem }
.badge { background: #eee; padding: 0 .3rem }
.table-bad, .failed { background: #fbe3e4 } nav ul, .btn, .modal { display: none }
</style>"""


@dataclass(frozen=True)
class Page:
    """One batch of one table, and where its page lies below the site."""

    table: str
    generation: int
    batch: int
    is_good: bool
    passed: int
    rules: int
    path: str


def data_docs(lake: Lake, folder: str | Path, tables: Iterable[str], batches: int) -> list[Page]:
    """Write `index.html` and a page for each of the newest batches of the tables; gives the pages."""
    site = Path(folder)
    pages: list[Page] = []
    for table in tables:
        rows = lake.batches_ledger.rows(table)
        mine = sorted((row["generation"], row["batch"]) for row in rows if row["state"] != "undone")
        for generation, batch in reversed(mine[-batches:]):
            found = validation_result(lake, table, generation, batch)
            pages.append(_page(site, table, generation, batch, found))
    _write(site / "index.html", _index(lake.definition.project.project, pages))
    return pages


def _page(site: Path, table: str, generation: int, batch: int, found: Mapping[str, Any]) -> Page:
    path = f"{table}/{generation}-{batch}.html"
    _write(site / path, without_fetches(_rendered(found)))
    counts = found["statistics"]
    checks = found["meta"]["aurify"]["checks"]
    bad = sum(check.get("outcome") == "failed" for check in checks)
    rules = counts["evaluated_expectations"] + len(checks)
    passed = counts["successful_expectations"] + len(checks) - bad
    return Page(table, generation, batch, passed == rules, passed, rules, path)


def _rendered(found: Mapping[str, Any]) -> str:
    """The page as Great Expectations makes it."""
    try:
        from great_expectations.core.expectation_validation_result import (
            ExpectationSuiteValidationResult,
            ExpectationValidationResult,
        )
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
        from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
        from great_expectations.render.view.view import DefaultJinjaPageView
    except ImportError as error:
        raise EnvironmentFailure.of(
            "data docs", f"no Great Expectations: {error}", "the extra 'quality'", "pip install 'aurify[quality]'"
        ) from error
    results = [
        ExpectationValidationResult(
            **{**result, "expectation_config": ExpectationConfiguration(**result["expectation_config"])}
        )
        for result in found["results"]
    ]
    whole = ExpectationSuiteValidationResult(**{**found, "results": results})
    document = ValidationResultsPageRenderer(run_info_at_end=False).render(whole)
    page: str = DefaultJinjaPageView().render(document)  # type: ignore[no-untyped-call]
    return page.replace("</body>", f"{_own_checks(found['meta']['aurify']['checks'])}</body>")


def _own_checks(checks: Iterable[Mapping[str, Any]]) -> str:
    names = ("rule", "outcome", "on_fail", "elements", "unexpected", "observed")
    rows = "".join(f"<tr>{''.join(f'<td>{_text(c.get(n))}</td>' for n in names)}</tr>" for c in checks)
    head = "".join(f"<th>{name}</th>" for name in names)
    return f"<h3>Checks of the engine</h3><table><tr>{head}</tr>{rows}</table>" if rows else ""


def without_fetches(page: str) -> str:
    """The page without the scripts, styles and images that it would fetch, and with a style of its own.

    >>> without_fetches('<head><script src="https://a.b/c.js"></script></head>').count("https")
    0
    """
    return FETCHED.sub("", page).replace("</head>", f"{STYLE}</head>", 1)


def _index(project: str, pages: Iterable[Page]) -> str:
    rows = "".join(
        f'<tr class="{"passed" if p.is_good else "failed"}"><td>{_text(p.table)}</td><td>{p.generation}</td>'
        f'<td><a href="{_text(p.path)}">batch {p.batch}</a></td><td>{p.passed} of {p.rules}</td></tr>'
        for p in pages
    )
    head = "<tr><th>table</th><th>generation</th><th>batch</th><th>rules that hold</th></tr>"
    title = f"Data docs of {_text(project)}"
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>{STYLE}</head>'
        f"<body><h1>{title}</h1><table>{head}{rows}</table></body></html>"
    )


def _text(value: object) -> str:
    return "" if value is None else html.escape(str(value))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
