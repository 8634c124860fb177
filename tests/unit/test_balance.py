"""The balance: each term is a count of its own, and a row that is in none of them is told."""

from __future__ import annotations

import pytest

from aurify.publish.balance import AFTER, BEFORE, Balance

WHOLE = Balance(
    read=10,
    withdrawn=2,
    assayed=12,
    quarantined=1,
    dropped=2,
    superseded=3,
    offered=6,
    inserted=1,
    updated=2,
    deleted=2,
    stale=1,
    unchanged=1,
    removed=1,
)


def test_a_whole_balance_has_no_problem() -> None:
    assert WHOLE.problem_before(rows_same=True) is None
    assert WHOLE.problem_after() is None
    assert Balance().problem_before(rows_same=True) is None
    assert Balance().problem_after() is None


@pytest.mark.parametrize("term", ["assayed", *BEFORE])
@pytest.mark.parametrize("rows", [-1, 1])
def test_a_row_too_many_or_too_few_before_the_commit_is_told_with_every_term(term: str, rows: int) -> None:
    planted = WHOLE.with_counts(**{term: getattr(WHOLE, term) + rows})
    problem = planted.problem_before(rows_same=False)
    assert problem is not None
    assert problem.expected == f"{planted.assayed} assayed"
    assert all(f"{getattr(planted, name)} {name}" in problem.found for name in BEFORE)


@pytest.mark.parametrize("term", ["offered", "removed", *AFTER])
@pytest.mark.parametrize("rows", [-1, 1])
def test_a_row_too_many_or_too_few_after_the_commit_is_told_with_every_term(term: str, rows: int) -> None:
    planted = WHOLE.with_counts(**{term: getattr(WHOLE, term) + rows})
    problem = planted.problem_after()
    assert problem is not None
    assert problem.expected == f"{planted.offered + planted.removed} offered and removed"
    assert all(f"{getattr(planted, name)} {name}" in problem.found for name in AFTER)


@pytest.mark.parametrize("term", ["read", "withdrawn"])
def test_rows_lost_by_the_function_are_told_where_the_table_says_same(term: str) -> None:
    planted = WHOLE.with_counts(**{term: getattr(WHOLE, term) + 1})
    assert planted.problem_before(rows_same=False) is None
    problem = planted.problem_before(rows_same=True)
    assert problem is not None
    assert "12 rows assayed" in problem.found


def test_the_terms_are_listed_by_name() -> None:
    assert set(WHOLE.as_dict()) == {"read", "withdrawn", "assayed", "removed", *BEFORE, *AFTER}
