"""Answers about versions that the pipelines of a service do not take, or that one of them does not."""

from collections.abc import Iterator

import pytest

from tests.contract.test_branches import change, lanes, promote, release
from tests.query.client import Service
from tests.scenario import Scenario

NOWHERE = "no pipeline of foo takes 1.8.3: main takes all but 1.9.*, 1.8.*; maintenance takes 1.9.*"


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, lanes(main=("!1.9.*", "!1.8.*"))) as world:
        yield world


def test_why_names_the_pipeline_that_takes_other_versions(service: Service, world: Scenario) -> None:
    release(world, "1.10.7", "1.9.9")
    answer = service.get("/api/why/foo/prod?version=1.9.9")
    reason = "main takes all but 1.9.*, 1.8.*, not 1.9.9"
    assert answer["answer"] == f"1.9.9 is not in prod: {reason}; it goes to dev-19 and prod-19"
    assert answer["stages"] == []
    assert answer["branch"] == {
        "reason": {
            "code": "branch_elsewhere",
            "params": {"pipeline": "main", "branches": ["!1.9.*", "!1.8.*"], "version": "1.9.9"},
            "text": reason,
        },
        "goesTo": ["dev-19", "prod-19"],
        "passesBy": ["dev"],
    }
    assert answer["releasing"]["sentence"] == (
        "nothing releases it: promote it (`deploydb promote foo prod 1.9.9 --reason WHY`), or add 1.9.9 to `branches` "
        f"of main: {reason}"
    )
    assert "branch" not in service.get("/api/why/foo/prod-19?version=1.9.9")
    assert service.get("/api/why/foo/prod")["version"] == "1.10.7"


def test_a_release_that_no_pipeline_takes_is_shown_wherever_it_is_asked_for(service: Service, world: Scenario) -> None:
    release(world, "1.8.3")
    assert service.get("/api/why/foo/dev?version=1.8.3")["answer"] == f"1.8.3 is not in dev: {NOWHERE}"
    (found,) = service.get("/api/where/1.8.3")["artifacts"]
    assert (found["places"], [one["reason"]["text"] for one in found["untaken"]]) == ([], [NOWHERE])
    (fact,) = service.get("/api/unmatched")["unmatched"]
    assert (fact["type"], fact["service"], fact["version"], fact["why"]) == (
        "artifact.published",
        "foo",
        "1.8.3",
        NOWHERE,
    )
    assert service.get("/api/unmatched?environment=dev")["unmatched"] == []
    assert service.get("/api/unmatched?service=bar")["unmatched"] == []
    assert service.get("/api/operations")["unmatched"] == 1
    plan = service.get("/api/plan/foo?version=1.8.3")["stages"]
    assert {(one["entered"], *one["obstacles"]) for one in plan} == {(None, NOWHERE)}
    names = service.get("/api/names?module=com.example:foo&version=1.8.4")["unknown"]
    assert [(one["name"], one["why"]) for one in names] == [("pipeline", NOWHERE.replace("1.8.3", "1.8.4"))]
    assert service.get("/api/flows/1")["deployments"] == []
    for page in ("/flows/1", "/why/foo/dev?version=1.8.3", "/where?what=1.8.3"):
        assert NOWHERE in service.ask(page).text, page
    change(world, lanes())
    assert service.get("/api/unmatched")["unmatched"] == []
    assert service.get("/api/operations")["unmatched"] == 0


def test_a_plan_has_the_stages_that_the_version_goes_through(service: Service, world: Scenario) -> None:
    stages = service.get("/api/plan/foo?version=1.9.9")["stages"]
    assert [one["environment"] for one in stages] == ["dev-19", "prod-19"]


def test_a_promotion_to_a_lane_of_another_branch_is_checked_first(service: Service, world: Scenario) -> None:
    release(world, "1.9.9", "1.8.3")
    for version in ("1.9.9", "1.8.3"):
        asked = service.get(f"/api/check/foo/prod?order=promote&version={version}&skip=dev&by=ann")
        assert (asked["counts"], asked["why"]) == (True, None)
    waits = service.get("/api/check/foo/prod?order=promote&version=1.9.9&by=ann")
    assert (waits["counts"], waits["why"]) == (True, "waits for dev; main takes all but 1.9.*, 1.8.*, not 1.9.9")
    promote(world, "prod", "1.9.9", "dev")
    world.evaluate()
    assert service.get("/api/why/foo/prod?version=1.9.9")["stages"][-1]["status"] == "CREATED"


def test_a_promotion_of_an_older_version_does_not_count(service: Service, world: Scenario) -> None:
    release(world, "1.10.7")
    world.deploy()
    world.deploy()
    release(world, "1.9.9")
    asked = service.get("/api/check/foo/prod?order=promote&version=1.9.9&skip=dev&by=ann")
    assert asked["counts"] is False
    assert asked["why"] == "1.9.9 is SKIPPED in prod: prod runs 1.10.7, a higher version"


def test_a_hotfix_counts_in_the_pipelines_that_take_it(service: Service, world: Scenario) -> None:
    release(world, "1.9.9", "1.8.3")
    assert service.get("/api/check/foo/prod?order=hotfix&version=1.9.9&skip=dev-19&by=ann")["counts"]
    refused = service.refusal("/api/check/foo/prod?order=hotfix&version=1.8.3&by=ann")
    assert refused == (404, f"1.8.3 of foo is not in prod: {NOWHERE}")


def test_a_retry_of_what_never_was_there_does_not_count(service: Service, world: Scenario) -> None:
    release(world, "1.9.9")
    asked = service.get("/api/retry/foo/prod?version=1.9.9")
    assert asked["possible"] is False
    assert asked["why"] == "1.9.9 is not attempted again in prod: no deployment of it is known there"


def test_a_lane_has_no_drift_to_a_version_of_another_branch(service: Service, world: Scenario) -> None:
    release(world, "1.10.7")
    world.deploy()
    world.deploy()
    release(world, "1.9.9")
    world.deploy()
    world.deploy()
    assert [lane["drift"] for lane in service.get("/api/status?service=foo")["lanes"]] == [[], [], [], []]
