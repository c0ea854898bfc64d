"""`/api/incidents`: those that are open."""

from datetime import timedelta

from deploydb.domain.model.catalog import Service as ConfiguredService
from tests.query.client import Service
from tests.scenario import Scenario, catalog


def listed(service: Service, query: str = "") -> list[tuple[str | None, str, str]]:
    found = service.get(f"/api/incidents{query}")["incidents"]
    return [(one["name"], one["service"], one["environment"]) for one in found]


def test_incidents_are_narrowed_to_a_service_and_an_environment(world: Scenario, service: Service) -> None:
    names = ("foo", "bar")
    world.catalog = catalog(
        *(ConfiguredService(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",)) for name in names)
    )
    for where in (("foo", "prod"), ("foo", "dev"), ("bar", "dev")):
        world.tell("incident.detected", **dict(zip(("service", "environment"), where, strict=True)), incident="1")
    assert listed(service) == [("1", "bar", "dev"), ("1", "foo", "dev"), ("1", "foo", "prod")]
    assert listed(service, "?service=foo") == [("1", "foo", "dev"), ("1", "foo", "prod")]
    assert listed(service, "?environment=dev") == [("1", "bar", "dev"), ("1", "foo", "dev")]
    assert listed(service, "?service=foo&environment=dev") == [("1", "foo", "dev")]
    assert service.refusal("/api/incidents?service=mars")[0] == 404
    assert service.refusal("/api/incidents?environment=mars")[0] == 404


def test_a_resolved_incident_is_open_no_more(world: Scenario, service: Service) -> None:
    lane = {"service": "foo", "environment": "prod"}
    world.tell("incident.resolved", **lane, incident="1", time="2026-11-22T11:59:00Z")
    world.tell("incident.detected", **lane, incident="1", time="2026-11-22T11:58:00Z")
    assert listed(service) == []
    world.tell("incident.detected", **lane, incident="1")
    assert listed(service) == [("1", "foo", "prod")]
    first = service.get("/api/incidents")["incidents"][0]["since"]
    world.now += timedelta(hours=1)
    world.tell("incident.detected", **lane, incident="1", version="1.0")
    (again,) = service.get("/api/incidents")["incidents"]
    assert (again["since"], again["version"]) == (first, "1.0")


def test_the_log_and_the_changes_say_who_reported_an_incident_and_who_attested(
    world: Scenario, service: Service
) -> None:
    world.tell("incident.detected", service="foo", environment="prod", incident="1", by="ann")
    artifact = {"group": "com.example", "name": "foo", "version": "1.0", "digest": "sha256:1"}
    world.tell("artifact.attested", artifact=artifact, signer="cosign", by="ann")
    found = service.get("/api/events?who=ann")["events"]
    assert [one["type"] for one in found] == ["artifact.attested", "incident.detected"]
    assert [(one["what"], one["who"]) for one in service.get("/api/blame")["changes"]] == [("1", "ann")]
