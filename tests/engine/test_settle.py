"""Evaluations at one time come to an end, or say that they do not."""

import pytest

from deploydb.domain.evaluation.decisions import Decisions, ServiceSnapshot
from deploydb.engine import settle as module
from deploydb.engine.ledger import Ledger
from deploydb.engine.settle import Unsettled, settle
from tests.scenario import NOON, catalog


def test_decisions_without_an_end_are_a_fault_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "decide", lambda *_: Decisions(service="foo", again=True))
    with pytest.raises(Unsettled, match="foo is not settled"):
        list(settle(catalog(), Ledger("foo"), ServiceSnapshot(service="foo"), NOON))
