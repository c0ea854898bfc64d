"""Looks at a server or disk, for readiness."""

import threading

import pytest

from deploydb.domain.errors import Transient
from workers import look
from workers.look import Look


def test_a_look_that_does_not_answer_in_time_is_a_reason_and_none_once_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "ANSWER_WITHIN_SECONDS", 0.1)
    monkeypatch.setattr(look, "FRESH_SECONDS", 0.0)
    answers = threading.Event()
    looking = Look(lambda: answers.wait() and None)
    assert looking() == ("no answer within 0 s",)
    answers.set()
    monkeypatch.setattr(look, "ANSWER_WITHIN_SECONDS", 20)
    assert looking() == ()


def test_the_error_of_a_look_is_its_reason() -> None:
    def fail() -> None:
        raise Transient("the database is away")

    assert Look(fail)() == ("the database is away",)
