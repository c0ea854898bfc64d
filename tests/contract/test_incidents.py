"""Incidents: what they fail, hold back, and give back once they are over."""

import json
from datetime import timedelta
from typing import Any

import pytest

from deploydb.domain.model.catalog import Service
from deploydb.store import incident_reports
from deploydb.store.tables import incident
from deploydb.wire.native import decode_logged
from tests.contract.promotion_steps import FOO, reason, through
from tests.contract.promotion_steps import world as world
from tests.scenario import Scenario, catalog


def test_an_incident_makes_what_had_succeeded_promotions_business_again(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), fail_on_incident=True)
    )
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-7", reason="5xx")
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "FAILED"}
    world.now += timedelta(minutes=1)
    world.tell("incident.resolved", service="foo", environment="prod", incident="INC-7")
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "SUCCESS"}
    assert [row.open for row in world.rows(incident)] == [False]


def test_an_incident_of_the_version_before_does_not_fail_the_fix(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), fail_on_incident=True)
    )
    trouble = {"service": "foo", "environment": "prod", "incident": "INC-7"}
    began = world.now
    world.tell("incident.detected", **trouble, time=began.isoformat())
    world.evaluate(minutes=1)
    assert world.statuses("1.0")["prod"] == "FAILED"
    through(world, "2.0")
    world.now += timedelta(minutes=1)
    world.tell("incident.detected", **trouble, reason="still")
    world.evaluate(minutes=1)
    assert world.statuses("2.0") == {"dev": "SUCCESS", "prod": "SUCCESS"}
    world.tell("incident.resolved", **trouble, version="1.0", time=(began - timedelta(minutes=1)).isoformat())
    (row,) = world.rows(incident)
    assert (row.open, row.version, row.began_at, row.reason) == (True, None, began, "still")
    world.tell("incident.resolved", **trouble, version="1.0")
    (row,) = world.rows(incident)
    assert (row.open, row.version, row.recorded_at) == (False, None, world.now)


def test_an_incident_counts_at_a_door_whatever_else_is_open(database_url: str) -> None:
    """Not only while some deployment of the service is being verified."""
    with Scenario(database_url, catalog(FOO, entry={"prod": ("soak",)})) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("incident.detected", service="foo", environment="prod", incident="INC-7", reason="5xx")
        world.evaluate(hours=3)
        assert reason(world, "prod", "1.0") == "soaks once it is over: incident INC-7: 5xx"
        world.tell("incident.resolved", service="foo", environment="prod", incident="INC-7")
        world.evaluate(hours=1)
        assert "again since incident INC-7 was over" in reason(world, "prod", "1.0")
        world.evaluate(hours=1)
        assert world.statuses("1.0")["prod"] == "CREATED"


def test_a_report_reads_the_reports_of_its_own_incident_alone(world: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def decode(body: bytes, **more: Any) -> Any:
        read.append(json.loads(body).get("incident"))
        return decode_logged(body, **more)

    monkeypatch.setattr(incident_reports, "decode_logged", decode)
    lane = {"service": "foo", "environment": "prod"}
    for name in ("INC-1", "INC-2", "INC-1"):
        world.tell("incident.detected", **lane, incident=name)
    world.tell("incident.detected", **lane)
    assert read == ["INC-1", "INC-2", "INC-1", "INC-1", None]
    world.tell("incident.resolved", **lane)
    assert [row.open for row in world.rows(incident) if row.name] == [True, True]
