"""Lanes where many releases wait: what an evaluation costs follows what can move."""

import sys

import pytest
from msgspec.structs import replace

from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.evaluation.lanes import Lanes
from deploydb.domain.model.admission_reasons import InLine
from deploydb.domain.model.catalog import After, Parallel, Stage
from deploydb.domain.model.deployment import Deployment, Status
from tests.domain.given import BAR, FOO, chain, foo
from tests.domain.scenario import Scenario, world


def line(number: int, *, parallel: tuple[Parallel, ...] = ()) -> Scenario:
    """So many releases wait for a freeze of dev."""
    it = world(*(replace(stage, supersede="queue") for stage in chain("dev", "prod")), parallel=parallel)
    it.hold("freeze", environment="dev")
    for index in range(number):
        it.publish(f"1.{index}", published=index / 1000)
    it.evaluate()
    return it


def test_a_thaw_writes_a_row_for_each_release_that_goes_and_none_for_those_behind_it() -> None:
    it = line(60)
    it.hold("freeze", environment="dev", lift=True)
    written = 0
    for index in range(60):
        made = it.evaluate(1)
        written += len(made.explained)
        assert it.status("dev", f"1.{index}") is Status.CREATED
        it.start("dev", f"1.{index}")
        it.finish("dev", f"1.{index}")
    assert it.reason("prod", "1.59") is not None
    assert written < 60 * 6


def test_the_place_in_the_line_is_not_kept() -> None:
    it = line(3)
    assert [it.reason("dev", f"1.{index}") for index in (1, 2)] == [InLine(), InLine()]


@pytest.mark.parametrize("parallel", [(), (Parallel(environments=("dev", "prod"), most=1),)])
def test_an_evaluation_is_linear_in_what_waits(parallel: tuple[Parallel, ...]) -> None:
    assert calls(line(200, parallel=parallel)) < calls(line(100, parallel=parallel)) * 2.2


def rebuilt(number: int) -> Scenario:
    """One commit was built so many times, as two modules; the first release is on its way."""
    modules = (FOO, BAR)
    stages = (replace(stage, supersede="queue") for stage in chain("dev", "prod"))
    it = world(*stages, services=[foo(artifacts=modules)])
    for index in range(number):
        for module in modules:
            it.publish(f"1.{index}", published=index / 1000, module=module, commit="c")
    it.evaluate()
    return it


def test_an_evaluation_is_linear_in_how_often_a_commit_was_built() -> None:
    assert calls(rebuilt(200)) < calls(rebuilt(100)) * 2.2


def calls(it: Scenario) -> int:
    """How many calls an evaluation makes."""
    situation, made = it.situation(), 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        decide(it.catalog, situation, it.now)
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("failed", [False, True])
def test_a_stage_with_many_ways_to_it_is_looked_at_once(failed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten levels of two stages, each after both of the level before: a thousand ways, and twenty stages."""
    levels = [("a0", "b0")]
    stages = [Stage(environment=name) for name in levels[0]]
    for number in range(1, 10):
        names = (f"a{number}", f"b{number}")
        stages += [Stage(environment=name, after=After(environments=levels[-1])) for name in names]
        levels.append(names)
    it = world(*stages, services=[foo(failure_strategy="stop")])
    it.publish("1.0")
    it.evaluate()
    if failed:
        it.finish("a0", "1.0", "failed")
    looks = 0
    of = Lanes.of

    def counted(lanes: Lanes, flow: int | None, environment: str) -> Deployment | None:
        nonlocal looks
        looks += 1
        return of(lanes, flow, environment)

    monkeypatch.setattr(Lanes, "of", counted)
    it.evaluate()
    assert looks < 20 * 20 * 8
