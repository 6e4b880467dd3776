"""Conditions carry their values, so that none is sent that the text does not name, and none is missing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lastseen.core.check import Check
from lastseen.storage.conditions import (
    IS_CORRUPT,
    IS_NEW,
    IS_STORED,
    Clause,
    all_of,
    ends_as_seen,
    guard,
    is_untouched,
    no_later_end,
    update,
    wakes_as_seen,
)
from tests.times import T0

NEW = Check(id="6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b", rev=7)
PINGED = replace(NEW, wake_at=T0, last_ping=T0)
CLAUSES = [
    IS_NEW,
    IS_STORED,
    IS_CORRUPT,
    *(clause(check) for clause in (is_untouched, wakes_as_seen, ends_as_seen) for check in (NEW, PINGED)),
    no_later_end(PINGED),
]


def named(text: str) -> set[str]:
    return set(re.findall(r":\w+", text))


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.text)
def test_a_clause_gives_a_value_to_each_name_in_it_and_to_no_other(clause: Clause) -> None:
    assert named(clause.text) == set(clause.values)


def test_clauses_are_joined_with_their_values() -> None:
    condition = all_of([is_untouched(PINGED), wakes_as_seen(PINGED), no_later_end(PINGED)])
    assert condition.text == "rv = :seen_rev AND w = :seen_wake AND (attribute_not_exists(lp) OR lp <= :new_end)"
    assert condition.values == {
        ":seen_rev": {"N": "7"},
        ":seen_wake": {"N": "1772452800000"},
        ":new_end": {"N": "1772452800000"},
    }


def test_two_clauses_cannot_give_a_name_two_values() -> None:
    with pytest.raises(AssertionError, match=":seen_rev"):
        all_of([is_untouched(NEW), is_untouched(replace(NEW, rev=8))])


def test_an_update_sets_removes_and_counts_in_one_expression() -> None:
    parameters = update("t", {"id": {"S": "a"}}, {"st": {"S": "u"}, "w": None}, is_untouched(NEW), count="n")
    assert parameters["UpdateExpression"] == "SET st = :st REMOVE w ADD n :one"
    assert parameters["ConditionExpression"] == "rv = :seen_rev"
    assert parameters["ExpressionAttributeValues"] == {
        ":st": {"S": "u"},
        ":one": {"N": "1"},
        ":seen_rev": {"N": "7"},
    }


def test_an_update_that_changes_nothing_or_counts_what_it_sets_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError, match="changes nothing"):
        update("t", {}, {}, IS_STORED)
    with pytest.raises(AssertionError, match="at once"):
        update("t", {}, {"n": {"N": "1"}}, IS_STORED, count="n")


def test_a_guard_without_values_sends_none() -> None:
    assert "ExpressionAttributeValues" not in guard("t", {}, IS_STORED)  # DynamoDB refuses an empty map
