"""Neighbours in a history as one row."""

from typing import Any

from deploydb.query.folding import Folded, folded

NEVER: dict[str, Any] = {
    "environment": "prod",
    "version": "1.0",
    "kind": "deploy",
    "status": "SKIPPED",
    "requestedAt": None,
    "startedAt": None,
}


def rows(*differences: dict[str, Any]) -> list[Any]:
    found = folded([NEVER | one for one in differences])
    return [one.span() if isinstance(one, Folded) else one for one in found]


def test_neighbours_that_never_began_are_one_row_and_rollbacks_are_not() -> None:
    back = {"kind": "rollback"}
    assert rows({"version": "1.1"}, {}) == ["1.0 … 1.1"]
    assert rows(back, back) == [NEVER | back, NEVER | back]
    assert rows({}, {}, back) == ["1.0", NEVER | back]
