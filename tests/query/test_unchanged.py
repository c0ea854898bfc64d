"""What has not changed is not sent again, and what has changed is never taken from memory."""

import pytest

from deploydb.store.outbox import lease
from tests.query.client import Service
from tests.scenario import Scenario, catalog


@pytest.mark.parametrize(
    "path", ["/api/status", "/api/artifacts/1", "/api/history/foo", "/api/services", "/api/events"]
)
def test_an_answer_that_the_client_has_is_not_sent_again_until_something_changes(
    world: Scenario, service: Service, path: str
) -> None:
    world.publish("1.0")
    world.evaluate()
    first = service.ask(path)
    again = service.ask(path, **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "private, no-cache"
    world.publish("1.1")
    changed = service.ask(path, **{"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200


def test_what_a_decision_changes_is_in_the_next_answer(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    assert service.get("/api/deployments/1")["status"] == "CREATED"
    (command,) = world.commands()
    world.tell("deployment.started", command=command.id)
    assert service.get("/api/deployments/1")["status"] == "STARTED"
    world.tell("deployment.finished", command=command.id, outcome="failed")
    assert service.get("/api/deployments/1")["status"] == "FAILED"


def test_what_changes_nothing_in_the_answer_changes_no_tag(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    tag = service.ask("/api/status").headers["etag"]
    lease(world.engine, world.now, limit=1, duration=world.now - world.now)
    world.evaluate()
    assert service.ask("/api/status").headers["etag"] == tag


def test_another_configuration_is_another_answer(world: Scenario, service: Service) -> None:
    before = service.get("/api/status")
    world.catalog = catalog(entry={"prod": ("manual",)})
    assert service.get("/api/services")
    assert service.get("/api/status") == before


def test_a_hold_that_runs_out_is_gone_though_nothing_was_stored(world: Scenario, service: Service) -> None:
    until = world.now.replace(minute=30).isoformat()
    world.tell("hold.placed", kind="pause", service="foo", by="alice", reason="x", until=until)
    tag = service.ask("/api/status").headers["etag"]
    assert [hold["kind"] for hold in service.get("/api/holds")["holds"]] == ["pause"]
    world.now = world.now.replace(minute=31)
    assert service.get("/api/holds")["holds"] == []
    assert service.ask("/api/status", **{"if-none-match": tag}).status_code == 200


def test_answers_that_depend_on_the_time_are_compared_by_what_they_say(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    first = service.ask("/api/why/foo/dev")
    assert service.ask("/api/why/foo/dev", **{"if-none-match": first.headers["etag"]}).status_code == 304


def test_two_media_types_of_one_answer_are_separate_in_caches(service: Service) -> None:
    assert service.ask("/api/services").headers["vary"] == "Accept"


def test_a_tag_of_another_address_is_no_tag_of_this_one(service: Service) -> None:
    tag = service.ask("/api/services").headers["etag"]
    assert service.ask("/api/pipelines", **{"if-none-match": tag}).status_code == 200


def test_what_a_client_says_of_the_host_is_no_part_of_what_is_kept(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.publish("1.1")
    for host in ("deploydb", "deploydb/api/artifacts/2?", "deploydb?a=", "deploydb#"):
        answers = [service.ask(f"/api/artifacts/{ident}", host=host) for ident in (1, 2)]
        assert [answer.json()["version"] for answer in answers] == ["1.0", "1.1"]
        assert [answer.headers["etag"] for answer in answers] == [
            service.ask(f"/api/artifacts/{ident}").headers["etag"] for ident in (1, 2)
        ]
    escaped = service.ask("/api/history/foo%3FpageNumber=1")
    assert escaped.status_code == 404
    assert "foo?pageNumber=1" in escaped.text
