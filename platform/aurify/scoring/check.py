"""Every mistake of what models' files say of scoring, named at once and before a session starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from aurify.errors import Problem, did_you_mean
from aurify.models.declare import ModelSpec
from aurify.scoring.declare import Fallback, Scoring
from aurify.scoring.table import OWN_NAMES, name_of, time_of
from aurify.tables.reading import ENGINE_LAYERS, NAME, relative
from aurify.tables.spec import TableSpec


def check_scoring(models: Sequence[ModelSpec], tables: Mapping[str, TableSpec], root: Path) -> list[Problem]:
    """All that is wrong with the scoring of models that are right otherwise."""
    problems: list[Problem] = []
    taken = dict.fromkeys(tables, "a table of the project")
    for model in models:
        if model.scoring is None:
            continue
        where = f"{relative(model.file, root)}, model {model.name}"
        if not isinstance(model.scoring, Scoring):
            problems.append(Problem(where, repr(model.scoring), "Scoring(rows=...)", key="scoring"))
            continue
        problems += _of_rows(where, model, model.scoring, tables)
        problems += _of_decisions(where, model.scoring)
        problems += _of_table(where, name_of(model), taken)
        taken[name_of(model)] = f"the scores of {model.name}"
    return problems


def _of_rows(where: str, model: ModelSpec, scoring: Scoring, tables: Mapping[str, TableSpec]) -> Iterator[Problem]:
    rows = tables.get(scoring.rows)
    if rows is None:
        hint = did_you_mean(str(scoring.rows), tables)
        yield Problem(where, f"the table '{scoring.rows}'", "a table of the project", hint, "scoring.rows")
        return
    if time_of(rows) is None:
        hint = f"declare time=... for {rows.name}"
        yield Problem(where, f"{rows.name}, which has no time", "rows with a time", hint, "scoring.rows")
    columns = rows.schema.names
    for key, names in {"keep": scoring.keep, "entity": scoring.entity}.items():
        if not isinstance(names, tuple):
            yield Problem(where, repr(names), 'a tuple of columns, like ("customer_id",)', key=f"scoring.{key}")
            continue
        for name in names:
            if name not in columns:
                hint = did_you_mean(str(name), columns)
                yield Problem(where, f"'{name}'", f"a column of {rows.name}", hint, f"scoring.{key}")
    kept = [*rows.keys, str(time_of(rows)), *_tuple(scoring.keep), *_tuple(scoring.entity)]
    yield from _of_names(where, columns, kept)
    yield from _of_views(where, model, rows, tables)


def _tuple(names: object) -> tuple[str, ...]:
    return names if isinstance(names, tuple) else ()


def _of_names(where: str, columns: Collection[str], kept: Sequence[str]) -> Iterator[Problem]:
    for name in dict.fromkeys(kept):
        if name in OWN_NAMES and name in columns:
            expected = f"another name than {', '.join(OWN_NAMES)}"
            yield Problem(where, f"the column '{name}'", expected, "rename it", "scoring.keep")


def _of_views(where: str, model: ModelSpec, rows: TableSpec, tables: Mapping[str, TableSpec]) -> Iterator[Problem]:
    """Each other view is joined by its keys or its entity, which the rows or a view before it have."""
    known = set(rows.schema.names)
    for name in model.data.views:
        view = tables[name]
        if name == rows.name or view.view is None:
            continue
        if not (set(view.keys) <= known or set(view.view.entity) <= known):
            needed = f"{', '.join(view.keys)}, or {', '.join(view.view.entity)}"
            found = f"{rows.name} can't be joined with {name}"
            yield Problem(where, found, needed, "name a view before it that has them", "scoring.rows")
        known |= set(view.schema.names)
    for name in model.features:
        if name not in known:
            hint = did_you_mean(name, known)
            yield Problem(where, f"no feature '{name}' when scoring", f"in {rows.name} or a view", hint, "scoring.rows")


def _of_decisions(where: str, scoring: Scoring) -> Iterator[Problem]:
    if not isinstance(scoring.decide, Mapping):
        yield Problem(where, repr(scoring.decide), 'like {"block": 0.9, "review": 0.5}', key="scoring.decide")
    else:
        for name, least in scoring.decide.items():
            if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= 1:
                yield Problem(where, f"{name} from {least!r}", "a score between 0 and 1", key="scoring.decide")
        if scoring.otherwise in scoring.decide:
            found = f"'{scoring.otherwise}' twice"
            yield Problem(where, found, "a decision of its own for the rest", key="scoring.otherwise")
    if not isinstance(scoring.reasons, int) or isinstance(scoring.reasons, bool) or scoring.reasons < 0:
        yield Problem(where, repr(scoring.reasons), "0 or more", key="scoring.reasons")
    fallback = scoring.fallback
    if fallback is None:
        return
    if not isinstance(fallback, Fallback):
        yield Problem(where, repr(fallback), 'Fallback("SQL that gives a decision")', key="scoring.fallback")
    elif fallback.below is not None and not 0.5 <= fallback.below <= 1:
        expected = "between .5 and 1, the larger of score and 1 - score"
        yield Problem(where, f"below {fallback.below!r}", expected, key="scoring.fallback")


def _of_table(where: str, name: str, taken: Mapping[str, str]) -> Iterator[Problem]:
    if not NAME.fullmatch(name) or name.split(".")[0] in ENGINE_LAYERS:
        yield Problem(where, f"'{name}'", "a layer and a name, like gold.card_fraud_scores", key="scoring.table")
    if name in taken:
        yield Problem(where, f"'{name}', which is {taken[name]}", "a name of its own", key="scoring.table")
