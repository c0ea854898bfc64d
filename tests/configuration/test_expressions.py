"""Expressions: compiled when the configuration is read, true or false or in doubt when they are asked."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.domain.gates import GateContext
from deploydb.domain.gates import expression as expressions
from deploydb.domain.gates.expression import VARIABLES, compile_rule, is_by_age, variables
from tests.configuration.given import config, problems_of
from tests.domain.given import artifact, at, deployment, release

pytest.importorskip("cel_expr_python", reason='expressions need CEL: pip install "deploydb[cel]"')

KNOWN = deployment(
    "1.4.0", "prod", release=replace(release("1.4.0", by="ci"), artifact=artifact("1.4.0", digest="sha256:1"))
)


def ask(expression: str, known: Any = KNOWN) -> bool:
    return compile_rule(expression)(variables(GateContext(deployment=known, now=at(150), since=at(30))))


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ('service == "foo" && environment == "prod"', True),
        ('artifact.group == "com.example" && artifact.name == "foo"', True),
        ('artifact.version.startsWith("1.4.") && artifact.digest != ""', True),
        ('artifact.commit != ""', False),
        ('artifact.published_by in ["ci", "release-bot"]', True),
        ('now - artifact.published_at > duration("2h")', True),
        ('now - deployment.since > duration("2h")', False),
        ('now.getDayOfWeek("Europe/Berlin") == 0', True),
        ('deployment.attempt == 1 && deployment.kind == "deploy" && flow.id == 1', True),
        ('artifact.version.matches("^[0-9.]+$")', True),
    ],
)
def test_it_holds_or_does_not(expression: str, holds: bool) -> None:
    assert ask(expression) is holds


@pytest.mark.parametrize(
    ("expression", "by_age"),
    [
        ('now - artifact.published_at > duration("2h")', True),
        ('timestamp(string(now)) > deployment.since + duration("2h")', True),
        ('artifact.version == "now" && artifact.published_at > timestamp("2026-01-01T00:00:00Z")', False),
        ("now.getHours() >= 9", False),
        ('service == "foo"', False),
    ],
)
def test_time_makes_it_true_for_each_release_where_it_has_a_time_of_the_release(expression: str, by_age: bool) -> None:
    assert is_by_age(expression) is by_age


def test_every_variable_is_declared_and_given() -> None:
    given = expressions._flat(variables(GateContext(deployment=KNOWN, now=at(0))))
    assert given.keys() == VARIABLES.keys()


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ('artifact.verison == "1"', "undeclared reference to 'artifact.verison' (column 9)"),  # codespell:ignore
        ('colour == "red"', "undeclared reference to 'colour' (column 1)"),
        ("artifact.version", "expected an expression that is true or false; this one is STRING"),
        ("service ==", "Syntax error: mismatched input '<EOF>' expecting "),
        ("service == 1", "found no matching overload for '_==_' applied to '(string, int)'"),
    ],
)
def test_a_broken_expression_is_a_problem_of_the_configuration(tmp_path: Path, expression: str, problem: str) -> None:
    (message,) = problems_of(
        config(tmp_path, {"promotions/rule.yml": f"type: ExpressionPromotion\nexpression: '{expression}'\n"})
    )
    assert message.startswith(f"config/promotions/rule.yml:2:13: {problem}")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("1 / (flow.id - 1) == 1", "divide by zero"),
        ("flow.id + 9223372036854775807 > 0", "integer overflow"),
        ("timestamp(service) < now", "String to Timestamp conversion failed"),
    ],
)
def test_an_evaluation_that_fails_is_an_error_and_never_true(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ask(expression)


def test_work_without_end_is_ended() -> None:
    bomb = "true"
    for name in "abcdefgh":
        bomb = f"[1,2,3,4,5,6,7,8,9].all({name}, {bomb})"
    with pytest.raises(ValueError, match="Iteration budget exceeded"):
        ask(bomb)


def test_values_are_data_and_never_code() -> None:
    odd = '" || true || "'
    known = replace(KNOWN, release=replace(KNOWN.release, artifact=artifact(odd)))
    assert ask('artifact.version == "1.0"', known) is False


def test_several_threads_may_use_a_rule() -> None:
    rule = compile_rule("now - deployment.since >= duration('0s')")
    given = variables(GateContext(deployment=KNOWN, now=at(150), since=at(0)))
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: rule(given), range(2000)))


def test_without_cel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    expressions._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    with pytest.raises(ValueError, match=r'pip install "deploydb\[cel\]"'):
        compile_rule("true")


def test_it_is_evaluated_again_after_its_interval(tmp_path: Path) -> None:
    assert problems_of(config(tmp_path, {"promotions/rule.yml": "type: ExpressionPromotion\nexpression: 1\n"})) != []
    document = expressions.ExpressionDocument(ident="rule", expression="true")
    assert document.interval == timedelta(minutes=1)
