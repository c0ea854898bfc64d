"""What is asked of an environment that had another name."""

from datetime import timedelta

import pytest

from deploydb.store.tables import deployment
from tests.contract.renames import configure, through
from tests.query.client import Service

BEFORE = through("dev", "prod")
AFTER = through("dev", "production", renamed={"production": ("prod",)})


@pytest.fixture
def renamed(service: Service) -> Service:
    """1.0 and 1.1 ran in prod; then it is called production."""
    world = service.world
    configure(world, BEFORE)
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate(minutes=10)
        world.deploy()
        world.deploy()
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-1", version="1.1")
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="a fair")
    service.get("/api/status")
    world.now += timedelta(minutes=10)
    configure(world, AFTER)
    return service


def test_its_history_is_that_from_before(renamed: Service) -> None:
    (_, lane) = renamed.get("/api/status")["lanes"]
    assert lane["environment"] == "production"
    assert [one["version"] for one in lane["running"]] == ["1.1"]
    tried = renamed.get("/api/history/foo/production")["deployments"]
    assert [one["version"] for one in tried] == ["1.1", "1.0"]
    assert renamed.get("/api/status?environment=production&at=2026-11-22T12:15:00Z")["lanes"]
    assert [one["environment"] for one in renamed.get("/api/incidents")["incidents"]] == ["production"]
    assert [one["environment"] for one in renamed.get("/api/holds")["holds"]] == ["production"]
    assert renamed.get("/api/dora?environment=production&days=1")["frequency"]["samples"] == 2
    found = renamed.get("/api/why/foo/production?version=1.1")
    assert found["environment"] == "production"
    events = renamed.get("/api/events?environment=production&service=foo")["events"]
    assert [one["type"] for one in events].count("deployment.finished") == 2
    assert renamed.get("/api/events?environment=prod&service=foo")["events"] == events


def test_the_old_name_is_answered_with_the_new_one(renamed: Service) -> None:
    for path in (
        "/api/history/foo/prod",
        "/api/why/foo/prod",
        "/api/status?environment=prod",
        "/api/blame?environment=prod",
    ):
        code, message = renamed.refusal(path)
        assert (code, message) == (404, "there is no environment prod; prod is now production")
    names = renamed.get("/api/names?service=foo&environment=prod&version=1.1")
    assert names["unknown"] == [], "a fact that names it so is taken"


def test_the_change_is_in_words(renamed: Service) -> None:
    change = renamed.get("/api/blame?hours=1")["changes"][0]
    assert change["kind"] == "configured"
    assert change["reason"]["text"].startswith("prod is now production; environments/prod.yml: removed")
    assert change["reason"]["params"]["renamed"] == {"production": "prod"}
    event = renamed.get("/api/events?type=configuration.changed")["events"][0]
    assert event["reason"]["text"] == change["reason"]["text"]
    assert event["body"]["renamed"]["current"] == {"prod": "production", "production": "production"}


def test_a_service_with_the_files_of_before_answers_by_the_name_of_now(renamed: Service) -> None:
    world = renamed.world
    world.catalog = BEFORE
    world.publish("1.2")
    assert [lane["environment"] for lane in renamed.get("/api/status")["lanes"]] == ["dev", "production"]
    assert renamed.get("/api/why/foo/production")["environment"] == "production"
    assert {row.environment for row in world.rows(deployment)} == {"dev", "production"}
