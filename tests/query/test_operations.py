"""`/api/operations`: how the machinery is."""

import re
from datetime import timedelta
from html import unescape

from deploydb.domain.webhook_attempts import Attempt
from deploydb.store import outbox
from deploydb.store.webhook_deliveries import NewDelivery, add, lease, oldest, replay, settle
from tests.query.client import Service
from tests.scenario import Scenario


def test_nothing_waits_where_nothing_has_happened(service: Service) -> None:
    body = service.get("/api/operations")
    nothing = {"count": 0, "oldestAt": None, "oldestAgeSeconds": None}
    assert body == {
        "now": "2026-11-22T12:00:00+00:00",
        "lastEvent": None,
        "evaluations": nothing,
        "outbox": nothing,
        "returned": [],
        "unmatched": 0,
        "unmatchedFacts": [],
        "due": [],
        "catalog": "test",
        "problems": [],
    }


def test_the_last_event_is_where_its_link_leads(service: Service, world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    last = service.get("/api/operations")["lastEvent"]
    assert last["type"] == "service.evaluated"
    page = service.ask("/operations", accept="text/html").text
    (link,) = re.findall(rf'<a class="nowrap" href="([^"]+)">number {last["number"]}</a>', page)
    address, _, anchor = unescape(link).partition("#")
    assert f'<li id="{anchor}">' in service.ask(address, accept="text/html").text


def test_what_promotion_has_still_to_look_at_is_its_lag(service: Service, world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.publish("1.1")
    world.now = world.now.replace(minute=3)
    body = service.get("/api/operations")
    assert body["evaluations"] == {
        "count": 1,
        "oldestAt": "2026-11-22T12:00:00+00:00",
        "oldestAgeSeconds": 180.0,
    }
    assert body["lastEvent"]["type"] == "artifact.published"
    world.evaluate()
    assert service.get("/api/operations")["evaluations"]["count"] == 0


def test_what_the_broker_returned_is_reported_with_its_reason(service: Service, world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate(minutes=1)
    assert service.get("/api/operations")["outbox"] == {
        "count": 1,
        "oldestAt": "2026-11-22T12:01:00+00:00",
        "oldestAgeSeconds": 0.0,
    }
    assert service.get("/api/operations")["returned"] == []
    (leased,) = outbox.lease(world.engine, world.now, limit=10, duration=world.now - world.now.replace(minute=0))
    outbox.settle(world.engine, [], {leased.id: "no queue takes dev.foo.deploy"}, world.now)
    (returned,) = service.get("/api/operations")["returned"]
    assert returned["problem"] == "no queue takes dev.foo.deploy"
    assert returned["routingKey"] == "dev.foo.deploy"
    assert returned["dueAt"] > "2026-11-22T12:01:00+00:00"
    assert service.get("/api/operations")["outbox"]["count"] == 1


def test_facts_about_unknown_deployments_are_listed_last_first(service: Service, world: Scenario) -> None:
    for version in ("3.0", "3.1"):
        world.tell("deployment.finished", service="ghost", environment="prod", version=version, outcome="succeeded")
    body = service.get("/api/operations")
    assert body["unmatched"] == 2
    assert [one["version"] for one in body["unmatchedFacts"]] == ["3.1", "3.0"]
    assert body["unmatchedFacts"][0]["why"] == "no deployment of ghost 3.1 to prod"


def test_what_matched_nothing_a_week_ago_is_listed_and_counts_no_more(service: Service, world: Scenario) -> None:
    world.tell("deployment.finished", service="ghost", environment="prod", version="3.0", outcome="succeeded")
    world.now += timedelta(days=8)
    assert service.get("/api/operations")["unmatched"] == 1, "the log has gone no further"
    world.publish("1.0")
    body = service.get("/api/operations")
    assert (body["unmatched"], [one["version"] for one in body["unmatchedFacts"]]) == (0, ["3.0"])


def test_what_time_changes_and_what_is_misconfigured_is_reported(service: Service, world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.commands()
    service.problems.append("services/foo.yml:3:5: pipelin is not known")
    body = service.get("/api/operations")
    assert [one["service"] for one in body["due"]] == ["foo"]
    assert body["problems"] == ["services/foo.yml:3:5: pipelin is not known"]


def test_calls_of_webhooks_that_were_given_up_are_listed_with_the_command_that_repeats_them(
    service: Service, world: Scenario
) -> None:
    assert "dead" not in service.get("/api/operations")
    url = "https://user:secret@chat.test/hooks?token=abc"
    lane = {"service": "foo", "environment": "dev", "deployment": 1, "type": "deployment.failed"}
    add(world.engine, [NewDelivery(endpoint=url, notification="n", headers={}, body="{}", **lane)], world.now)
    (leased,) = lease(world.engine, world.now, limit=1, duration=timedelta(minutes=1))
    (delivery,) = oldest(world.engine, leased, limit=1)
    gone = Attempt(status=410, problem="410 Gone", dead=True, again_at=world.now + timedelta(hours=1))
    settle(world.engine, leased, delivery, gone, world.now, world.now)
    body = service.get("/api/operations")
    assert body["deadDeliveries"] == 1
    (dead,) = body["dead"]
    assert dead == {
        "id": delivery.id,
        "endpoint": "https://user@chat.test/hooks",
        "type": "deployment.failed",
        "service": "foo",
        "environment": "dev",
        "attempts": 1,
        "problem": "410 Gone",
        "deadAt": world.now.isoformat(),
        "replay": f"deploydb webhook replay {delivery.id}",
    }
    page = service.ask("/operations").text
    assert f'<code class="nowrap">deploydb webhook replay {delivery.id}</code>' in page
    assert "secret" not in page
    replay(world.engine, world.now, delivery.id)
    assert "dead" not in service.get("/api/operations")
