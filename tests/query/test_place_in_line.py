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
