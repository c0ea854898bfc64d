"""What would release a deployment in a long line: as few needs, in bounded time."""

import pytest
from msgspec.structs import replace

from deploydb.engine.unblock import Unblock, unblock
from tests.domain.given import chain
from tests.domain.scenario import Scenario, world


def line(releases: int) -> Scenario:
    """Releases of which each soaks in dev before the next one enters it."""
    it = world(*(replace(stage, supersede="queue") for stage in chain("dev", "staging", "prod", dev=("soak",))))
    for number in range(releases):
        it.publish(f"1.{number}", published=number - releases)
    it.evaluate()
    return it


def needs_of_last(it: Scenario, releases: int) -> Unblock:
    found = unblock(it.catalog, it.outlook(), it.find("prod", f"1.{releases - 1}").id, it.now)
    assert found is not None
    return found


def test_each_that_goes_first_is_needed_in_its_first_stage_alone() -> None:
    found = needs_of_last(line(12), 12)
    assert found.earliest is not None
    assert [need.environment for need in found.needs] == ["dev"] * 24 + ["staging"]
    assert [need.kind for need in found.needs].count("time") == 12


def test_what_others_need_later_is_left_out_at_little_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.engine.unblock._MOST_LOOKS", 10_000)
    assert len(needs_of_last(line(12), 12).needs) == 25


def test_a_line_of_hundreds_is_answered_with_what_it_needs_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.engine.forward._MOST_LOOKS", 5_000)
    found = needs_of_last(line(40), 40)
    assert found.earliest is None
    assert found.instead is None
    assert [need.text for need in found.needs] == ["the deployment of 1.0 to dev to finish"]
