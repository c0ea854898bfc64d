"""The places of releases that wait in line, as they are at the time of the answer."""

from datetime import timedelta

from deploydb.domain.model.admission_reasons import InLine
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.domain.model.catalog import Stage
from deploydb.store.tables import deployment
from tests.query.client import Service
from tests.query.why_steps import world as world
from tests.scenario import Scenario, catalog


def test_a_place_in_line_is_worked_out_for_each_answer_and_not_kept(world: Scenario, service: Service) -> None:
    foo = ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    world.catalog = catalog(foo, stages=(Stage(environment="dev", supersede="queue"),))
    for number in range(4):
        world.publish(f"1.{number}", time=(world.now + timedelta(seconds=number)).isoformat())
    world.evaluate(minutes=1)
    world.publish("1.4", time=(world.now + timedelta(seconds=9)).isoformat())
    world.evaluate(minutes=1)
    stored = [row.status_reason for row in world.rows(deployment) if row.version in ("1.2", "1.3", "1.4")]
    assert stored == [InLine()] * 3
    place = {version: service.get(f"/api/why/foo/dev?version={version}") for version in ("1.2", "1.4")}
    assert place["1.2"]["answer"] == "1.2 is not in dev: at its door it waits in line behind 1.1"
    assert place["1.4"]["answer"] == "1.4 is not in dev: at its door it waits in line behind 1.1, as number 4"
    (lane,) = service.get("/api/status")["lanes"]
    assert lane["pending"][-1]["reason"]["params"] == {"version": "1.1", "ahead": 3}
    world.deploy()
    assert "it waits in line behind 1.2, as number 3" in service.get("/api/why/foo/dev?version=1.4")["answer"]


def queue(world: Scenario, *seconds: int) -> None:
    """Releases 1.0, 1.1, … with these times in a lane that lets each through; the first is on its way."""
    foo = ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    world.catalog = catalog(foo, stages=(Stage(environment="dev", supersede="queue"),))
    start = world.now
    for number, second in enumerate(seconds):
        world.publish(f"1.{number}", time=(start + timedelta(seconds=second)).isoformat())
        world.evaluate(minutes=1)


def places(service: Service, version: str) -> set[str]:
    """What each answer says of a version in dev."""
    why = service.get(f"/api/why/foo/dev?version={version}")["stages"][-1]
    (found,) = service.get(f"/api/where/com.example:foo:{version}")["artifacts"]
    attempt = service.get(f"/flows/{int(version[2:]) + 1}.json")["attempts"][0]
    artifact = service.get(f"/artifacts/{found['id']}.json")["deployments"][0]
    bodies = [why, found["places"][0], attempt["stage"], artifact]
    return {body["reason"]["text"] for body in bodies}


def test_what_people_have_ordered_goes_before_what_is_older(world: Scenario, service: Service) -> None:
    queue(world, 0, 1, 2, 3, 4)
    for version in ("1.3", "1.4"):
        world.tell("hotfix.declared", service="foo", version=version, by="alice", reason="a hole", skip=[])
    world.evaluate()
    assert places(service, "1.2") == {"waits in line behind 1.3, as number 4"}
    assert places(service, "1.4") == {"waits in line behind 1.3"}


def test_of_releases_of_one_time_the_first_known_goes_before_the_others(world: Scenario, service: Service) -> None:
    queue(world, 0, 1, 1, 1)
    assert [places(service, f"1.{number}") for number in (2, 3)] == [
        {"waits in line behind 1.1"},
        {"waits in line behind 1.1, as number 3"},
    ]
