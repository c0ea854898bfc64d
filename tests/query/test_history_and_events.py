"""What has been: of a lane, and in the log."""

from datetime import timedelta

import pytest

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.store.queries import events as queries
from deploydb.store.tables import event
from tests.query.client import Service
from tests.scenario import Scenario, catalog


def passed(world: Scenario, deployment: int) -> None:
    world.tell("verification.finished", deployment=deployment, promotion="smoke", outcome="passed")
    world.evaluate()


def test_what_has_been_tried_newest_first_and_nothing_that_has_not_begun(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    world.evaluate(minutes=5)
    (command,) = world.commands()
    world.tell("deployment.started", command=command.id, url="https://ci/1")
    world.evaluate(minutes=1)
    world.tell("deployment.finished", command=command.id, outcome="failed", reason="disk full")
    world.evaluate()
    assert service.ask("/api/history/foo/dev").text == (
        '{"deployments":[{"id":1,"flow":1,"environment":"dev","module":"com.example:foo","version":"1.0",'
        '"kind":"deploy","status":"FAILED","triggerReason":{"code":"admitted","params":{"published_by":"tests"},'
        '"text":"published by tests"},"reason":{"code":"attempt_failed","params":{"text":"disk full"},'
        '"text":"disk full"},'
        '"createdAt":"2026-11-22T12:00:00+00:00",'
        '"requestedAt":"2026-11-22T12:00:00+00:00","startedAt":"2026-11-22T12:05:00+00:00",'
        '"finishedAt":"2026-11-22T12:06:00+00:00","decidedAt":"2026-11-22T12:06:00+00:00","url":"https://ci/1"}]}'
    )
    assert service.get("/api/history/foo/prod") == {"deployments": []}


def test_a_history_is_narrowed_to_an_outcome(world: Scenario, service: Service) -> None:
    for version, outcome in (("1.0", "succeeded"), ("2.0", "failed"), ("3.0", "succeeded")):
        world.commands()  # those that lead to prod go to no orchestrator
        world.publish(version)
        world.evaluate(minutes=1)
        deployed = world.deploy(outcome)[0].deployment
        if version == "1.0":
            passed(world, deployed)
    found = {
        outcome: [(one["version"], one["environment"]) for one in service.get(path)["deployments"]]
        for outcome in ("success", "failed", "open", "skipped", "rollback")
        for path in (f"/api/history/foo?outcome={outcome}",)
    }
    assert found["success"] == [("1.0", "dev")]
    assert found["failed"] == [("2.0", "dev")]
    assert ("3.0", "dev") in found["open"]
    assert found["rollback"] == []
    assert service.get("/api/history/foo/prod?outcome=failed") == {"deployments": []}
    assert service.refusal("/api/history/foo?outcome=faild") == (
        400,
        "outcome=faild is not known; did you mean failed?",
    )


def test_the_order_is_that_of_what_happened_not_of_ids(world: Scenario, service: Service) -> None:
    both = ConfiguredService(
        ident="shop", artifacts=("com.example:web", "com.example:theme"), pipelines=("main",), promotions=("smoke",)
    )
    stages = (
        Stage(environment="dev", while_verifying="replace"),
        Stage(environment="prod", after=After(environments=("dev",))),
    )
    world.catalog = catalog(both, stages=stages)
    for name in ("web", "theme"):
        world.publish("1.0", name=name)
        world.evaluate(minutes=1)
        world.deploy()
    world.now += timedelta(minutes=1)
    passed(world, 1)  # web comes to prod only now
    answer = service.get("/api/history/shop")["deployments"]
    assert [(one["id"], one["environment"], one["module"]) for one in answer] == [
        (2, "prod", "com.example:web"),
        (3, "dev", "com.example:theme"),
        (1, "dev", "com.example:web"),
    ]
    assert [one["id"] for one in service.get("/api/history/shop?perPageSize=1&pageNumber=1")["deployments"]] == [3]
    assert [one["id"] for one in service.get("/api/history/shop/dev?perPageSize=1")["deployments"]] == [3]


def test_what_was_done_by_hand_is_in_the_history(world: Scenario, service: Service) -> None:
    seen = {"group": "com.example", "name": "foo", "version": "0.9"}
    world.tell("deployment.observed", service="legacy", environment="basement", artifact=seen, by="bob")
    world.evaluate()
    (answer,) = service.get("/api/history/legacy/basement")["deployments"]
    assert (answer["kind"], answer["flow"], answer["reason"]["code"]) == ("external", None, "observed")


def test_the_log_newest_first(world: Scenario, service: Service) -> None:
    world.publish("1.0", id="build-1", source="ci/foo", time="2026-11-22T11:59:00.5+00:00")
    world.evaluate()
    answer = service.get("/api/events")
    assert answer["next"] is None
    assert [one["type"] for one in answer["events"]] == ["deployment.requested", "flow.opened", "artifact.published"]
    assert answer["events"][-1] == {
        "number": 1,
        "source": "ci/foo",
        "id": "build-1",
        "type": "artifact.published",
        "time": "2026-11-22T11:59:00.500000+00:00",
        "recordedAt": "2026-11-22T12:00:00+00:00",
        "publisher": "ci/foo",
        "who": None,
        "service": None,
        "environment": None,
        "body": {
            "type": "artifact.published",
            "id": "build-1",
            "source": "ci/foo",
            "time": "2026-11-22T11:59:00.5+00:00",
            "artifact": {"group": "com.example", "name": "foo", "version": "1.0"},
        },
    }
    assert list(answer["events"][-1]) == [
        "number", "source", "id", "type", "time", "recordedAt", "publisher", "who", "service", "environment", "body",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("type=artifact.published", {"artifact.published"}),
        ("source=tests", {"artifact.published", "deployment.started", "deployment.finished"}),
        ("service=foo&type=flow.opened", {"flow.opened"}),
        ("service=foo&environment=dev&source=tests", {"deployment.started", "deployment.finished"}),
        ("environment=prod", set()),
        ("type=&source=tests&service=foo", {"deployment.started", "deployment.finished"}),
    ],
)
def test_the_log_can_be_filtered(world: Scenario, service: Service, query: str, types: set[str]) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    answer = service.get(f"/api/events?{query}")
    assert {one["type"] for one in answer["events"]} == types


def test_page_after_page_gives_the_whole_log_once(world: Scenario, service: Service) -> None:
    for number in range(25):
        world.publish(f"1.{number}", name="nobodys")
    numbers: list[int] = []
    following: int | None = 2**63 - 1
    while following is not None:
        answer = service.get(f"/api/events?perPageSize=10&before={following}")
        numbers += [one["number"] for one in answer["events"]]
        following = answer["next"]
    assert numbers == sorted((row.number for row in world.rows(event)), reverse=True)


def test_the_last_page_says_that_nothing_follows_even_where_it_is_full(world: Scenario, service: Service) -> None:
    for number in range(4):
        world.publish(f"1.{number}", name="nobodys")
    first = service.get("/api/events?perPageSize=2")
    assert first["next"] is not None
    assert service.get(f"/api/events?perPageSize=2&before={first['next']}")["next"] is None
    assert service.get("/api/events?before=0") == {"events": [], "next": None}
    assert len(service.get("/api/events?before=99999999999999999999")["events"]) == 4


def test_large_bodies_make_short_pages(world: Scenario, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_BODY_CHARACTERS", 5000)
    for number in range(3):
        world.publish(f"1.{number}", name="nobodys", note="x" * 4000)
    answer = service.get("/api/events?perPageSize=10")
    assert len(answer["events"]) == 1
    assert answer["next"] == answer["events"][0]["number"]
    assert len(answer["events"][0]["body"]["note"]) == 4000


def test_a_body_is_what_was_sent_down_to_its_numbers(world: Scenario, service: Service) -> None:
    world.publish("1.0", name="nobodys", exact=12345678901234567890, name_ü="größe")
    assert '"exact":12345678901234567890' in service.ask("/api/events").text.replace(" ", "")
    assert service.get("/api/events")["events"][0]["body"]["name_ü"] == "größe"
