"""People, for completion."""

from deploydb.configuration.differences import differences
from deploydb.store.configurations import record_configuration
from tests.query.client import Service
from tests.scenario import Scenario, catalog


def test_people_are_those_of_groups_and_log_and_no_hosts(world: Scenario, service: Service) -> None:
    world.catalog = catalog(groups={"sre": frozenset({"anton", "zoe"})})
    record_configuration(world.engine, world.catalog, {}, world.now, host="ann-laptop", differences=differences)
    for number, by in enumerate(("Anna", "ann", "annika", "bob")):
        world.tell("hold.placed", kind="freeze", hold=f"h{number}", environment="prod", by=by, reason="audit")
    assert service.get("/api/people")["people"] == ["Anna", "ann", "annika", "anton", "bob", "zoe"]
    assert service.get("/api/people?begins=an")["people"] == ["ann", "annika", "anton"]
    assert service.get("/api/people?begins=ann-l")["people"] == []
    (missing,) = service.get("/api/names?person=ann-laptop")["unknown"]
    assert missing["why"].startswith("no group and no event has the person ann-laptop")
