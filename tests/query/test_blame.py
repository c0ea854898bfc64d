"""What changed in the hours before."""

from datetime import timedelta
from urllib.parse import quote

from deploydb.configuration.differences import differences
from deploydb.domain.model.catalog import Stage
from deploydb.store.configurations import record_configuration
from tests.query.client import Service
from tests.scenario import NOON, Scenario, catalog

HOUR = timedelta(hours=1)


def changes(service: Service, query: str = "") -> list[tuple[str, str | None, str | None, str | None]]:
    changes = service.get(f"/api/blame?{query}")["changes"]
    return [(one["kind"], one["environment"], one["version"], one["who"]) for one in changes]


def eventful(world: Scenario) -> None:
    """1.0 to prod at noon; at one o'clock a freeze that is overridden; 1.1 at two, which fails and is rolled back."""
    world.catalog = catalog(
        entry={"prod": ("manual",)}, groups={"sre": frozenset({"alice"})}, freeze_overriders=("sre",)
    )
    world.publish("1.0")
    world.evaluate()
    (command,) = world.deploy()
    world.tell("verification.finished", deployment=command.deployment, promotion="smoke", outcome="passed")
    world.evaluate()
    lane = {"service": "foo", "environment": "prod", "version": "1.0"}
    world.tell("approval.given", **lane, promotion="manual", by="bob", comment="looks good")
    world.evaluate()
    world.deploy()
    world.now += HOUR
    world.tell("hold.placed", kind="freeze", by="carol", reason="sale")
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-1")
    world.evaluate()
    world.now += HOUR
    world.publish("1.1")
    world.evaluate()
    world.tell(
        "approval.given", service="foo", environment="dev", version="1.1", promotion="freeze", by="alice", comment="x"
    )
    world.evaluate()
    world.deploy("failed")


def test_what_changed_is_reported_the_last_first(world: Scenario, service: Service) -> None:
    eventful(world)
    assert changes(service) == [
        ("failed", "dev", "1.1", None),
        ("overridden", "dev", "1.1", "alice"),
        ("incident", "prod", None, None),
        ("held", None, None, "carol"),
        ("deployed", "prod", "1.0", None),
        ("approved", "prod", "1.0", "bob"),
        ("deployed", "dev", "1.0", None),
    ]


def test_of_an_environment_also_what_concerns_all(world: Scenario, service: Service) -> None:
    eventful(world)
    assert [kind for kind, *_ in changes(service, "environment=prod")] == ["incident", "held", "deployed", "approved"]


def test_of_the_hours_before_a_time(world: Scenario, service: Service) -> None:
    eventful(world)
    at = quote((NOON + 1.5 * HOUR).isoformat())
    assert [kind for kind, *_ in changes(service, f"at={at}&hours=1")] == ["incident", "held"]
    assert changes(service, f"at={quote((NOON - HOUR).isoformat())}") == []


def test_a_deployment_tells_what_ran_before_and_why_it_came(world: Scenario, service: Service) -> None:
    world.catalog = catalog(stages=(Stage(environment="dev", while_verifying="replace"),))
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate()
        world.deploy()
        world.now += HOUR
    newest = service.get("/api/blame?service=foo")["changes"][0]
    assert newest == {
        "time": "2026-11-22T13:00:00+00:00",
        "recordedAt": "2026-11-22T13:00:00+00:00",
        "kind": "deployed",
        "service": "foo",
        "environment": "dev",
        "version": "1.1",
        "previous": "1.0",
        "what": None,
        "who": None,
        "reason": newest["reason"],
        "deployment": newest["deployment"],
        "event": newest["event"],
    }
    assert newest["reason"] == {
        "code": "admitted",
        "params": {"published_by": "tests"},
        "text": "published by tests",
    }


def test_what_makes_no_sense_is_refused(service: Service) -> None:
    assert service.refusal("/api/blame?hours=0") == (400, "hours=0 is not from 1 to 744")
    assert service.refusal("/api/blame?hours=745")[0] == 400
    assert service.refusal("/api/blame?environment=prd")[0] == 404
    assert service.refusal(f"/api/blame?at={quote((NOON + HOUR).isoformat())}")[0] == 404


def test_a_word_of_somebody_who_may_not_overrides_no_freeze(world: Scenario, service: Service) -> None:
    world.catalog = catalog(groups={"sre": frozenset({"alice"})}, freeze_overriders=("sre",))
    for who in ("alice", "mallory"):
        statement = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "freeze", "comment": "go"}
        world.tell("approval.given", by=who, **statement)
    assert [(one["kind"], one["who"]) for one in service.get("/api/blame")["changes"]][:2] == [
        ("approved", "mallory"),
        ("overridden", "alice"),
    ]


def test_a_change_of_the_configuration_is_in_the_answer_for_each_service(world: Scenario, service: Service) -> None:
    for files in ({}, {"services/foo.yml": "promotions: [smoke]\n"}):
        known = catalog()
        known.digest = str(len(files))
        record_configuration(world.engine, known, files, world.now, host="promote-1", differences=differences)
    assert changes(service, "service=foo&environment=prod") == [("configured", None, None, "promote-1")] * 2
    texts = [one["reason"]["text"] for one in service.get("/api/blame")["changes"]]
    assert texts == [
        "services/foo.yml: added (digest 1, on promote-1)",
        "the first configuration (digest 0, on promote-1)",
    ]
    events = service.get("/api/events?type=configuration.changed&who=promote-1")["events"]
    assert [one["reason"]["text"] for one in events] == texts
