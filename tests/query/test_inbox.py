"""The inbox: what needs somebody, in one list."""

import re
import shlex
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.store.ingest_watermark import note
from tests.pages.given import served
from tests.query.client import Service
from tests.query.test_starvation import starve
from tests.query.why_steps import world as world
from tests.scenario import Scenario, catalog


def asked_of(world: Scenario, *names: str, **more: Any) -> None:
    """Services that go to dev, and on the word of the group sre to prod."""
    services = [
        ConfiguredService(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",)) for name in names
    ]
    stages = (Stage(environment="dev"), Stage(environment="prod", after=After(environments=("dev",))))
    board = ManualPromotion(ident="board", groups=("sre",))
    known = {"promotions": (board,), "entry": {"prod": ("board",)}, "groups": {"sre": ("alice", "bob")}}
    world.catalog = catalog(*services, stages=stages, **known, **more)


def put(world: Scenario, version: str, *, name: str = "foo", outcome: str = "succeeded") -> None:
    world.publish(version, name=name)
    world.evaluate(minutes=1)
    world.deploy(outcome)
    world.evaluate(minutes=1)


def entries(service: Service, query: str = "") -> list[tuple[Any, ...]]:
    parts = ("kind", "service", "environment", "version")
    return [tuple(one[part] for part in parts) for one in service.get(f"/api/inbox{query}")["entries"]]


def assert_possible(service: Service, entry: Any) -> None:
    """Each act of an entry of a lane would do what it says, by what the service answers beforehand."""
    for one in entry["acts"]:
        _, command, name, environment, *words = shlex.split(one["command"])
        version = [word for word in words[:1] if not word.startswith("--")]
        options = dict(zip(words[len(version) :: 2], words[len(version) + 1 :: 2], strict=True))
        asked = {"version": version[0]} if version else {}
        asked |= {given[2:]: value for given, value in options.items() if given not in ("--reason", "--comment")}
        if command in ("approve", "refuse"):
            answer = service.get(
                f"/api/check/{name}/{environment}?{urlencode({'order': command, 'by': 'bob', **asked})}"
            )
            assert answer["counts"], answer
        elif command == "promote":
            answer = service.get(f"/api/check/{name}/{environment}?{urlencode({'order': command, **asked})}")
            assert answer["counts"], answer
        elif command in ("retry", "rollback"):
            answer = service.get(f"/api/{command}/{name}/{environment}?{urlencode(asked)}")
            assert answer["possible"], answer
        else:
            service.get(f"/api/{command}/{name}/{environment}?{urlencode(asked)}")


def test_where_all_is_well_the_inbox_is_empty_and_has_the_last_release(world: Scenario, service: Service) -> None:
    asked_of(world, "foo")
    assert service.get("/api/inbox") == {"entries": [], "counts": {}, "more": False, "lastRelease": None}
    put(world, "1.0")
    world.tell("approval.given", service="foo", environment="prod", version="1.0", promotion="board", by="bob")
    world.evaluate()
    world.deploy()
    body = service.get("/api/inbox")
    assert (body["entries"], body["lastRelease"]["environment"]) == ([], "prod")
    page = service.ask("/inbox", accept="text/html").text
    assert "Nothing needs attention" in page
    assert "Last release" in page


def test_a_failure_is_before_approvals_and_those_that_count_before_others_until_they_have_given_it(
    world: Scenario, service: Service
) -> None:
    asked_of(world, "foo", "bar")
    put(world, "1.0")
    put(world, "2.0", name="bar", outcome="failed")
    approval, failure = ("approval", "foo", "prod", "1.0"), ("failure", "bar", "dev", "2.0")
    assert entries(service, "?person=alice") == [failure, approval]
    (_, entry) = service.get("/api/inbox?person=alice")["entries"]
    assert (entry["mine"], entry["approvers"], entry["promotion"]) == (True, ["alice", "bob"], "board")
    assert entry["reason"]["code"] == "awaiting_approval"
    assert [one["command"] for one in entry["acts"]] == [
        "deploydb approve foo prod 1.0 --promotion board --artifact com.example:foo",
        "deploydb refuse foo prod 1.0 --promotion board --artifact com.example:foo --comment WHY",
        "deploydb why foo prod 1.0 --artifact com.example:foo",
    ]
    assert service.get("/api/inbox?person=mallory")["entries"][1]["mine"] is False
    assert "mine" not in service.get("/api/inbox")["entries"][1]


def test_the_buttons_are_those_of_who_is_signed_in_and_not_of_the_person_asked_for(world: Scenario) -> None:
    asked_of(world, "foo")
    put(world, "1.0")
    with served(world) as address:

        def offered(who: str, query: str = "") -> bool:
            page = urlopen(Request(f"{address}/inbox{query}", headers={"Person": who})).read().decode()
            assert ("your approval</span>" in page) == (">Approve<" in page)
            return ">Approve<" in page

        assert offered("alice")
        assert offered("alice", "?person=mallory")
        assert not offered("mallory")
        assert not offered("mallory", "?person=alice")


def test_a_gate_of_a_lane_is_one_entry_however_many_releases_come(world: Scenario, service: Service) -> None:
    asked_of(world, "foo")
    for version in ("1.0", "1.1", "1.2"):
        put(world, version)
    found = [one for one in service.get("/api/inbox")["entries"] if one["kind"] == "approval"]
    assert [(one["environment"], one["promotion"]) for one in found] == [("prod", "board")]


def test_a_failure_is_listed_until_something_follows_it(world: Scenario, service: Service) -> None:
    asked_of(world, "foo")
    put(world, "1.0", outcome="failed")
    assert entries(service) == [("failure", "foo", "dev", "1.0")]
    (failure,) = service.get("/api/inbox")["entries"]
    assert_possible(service, failure)
    assert [one["verb"] for one in failure["acts"]] == ["retry", "look"]
    world.publish("1.1")
    world.evaluate(minutes=1)
    assert entries(service, "?kind=failure") == []
    world.deploy()
    assert entries(service, "?kind=failure") == []


def test_a_rollback_stands_in_place_of_the_failure_that_it_answers(world: Scenario, service: Service) -> None:
    foo = ConfiguredService(
        ident="foo", artifacts=("com.example:foo",), pipelines=("main",), failure_strategy="rollback"
    )
    world.catalog = catalog(foo, stages=(Stage(environment="dev", promotions=("smoke",)),))
    lane = {"service": "foo", "environment": "dev", "promotion": "smoke"}
    for version in ("0.9", "1.0"):
        put(world, version)
        world.tell("verification.finished", **lane, version=version, outcome="passed")
    put(world, "1.1")
    world.tell("verification.finished", **lane, version="1.1", outcome="failed")
    world.evaluate(minutes=1)
    world.deploy()
    world.evaluate(minutes=1)
    assert entries(service) == [("rollback", "foo", "dev", "1.0")]
    (entry,) = service.get("/api/inbox")["entries"]
    assert entry["reason"]["code"] == "rollback_of"
    assert entry["acts"][0]["command"] == "deploydb retry foo dev 1.1 --artifact com.example:foo --reason WHY"
    assert_possible(service, entry)
    assert entry["acts"][0]["version"] == "1.1"


def test_a_rollback_that_failed_is_no_failure_of_a_release_of_the_good_version(
    world: Scenario, service: Service
) -> None:
    foo = ConfiguredService(
        ident="foo", artifacts=("com.example:foo",), pipelines=("main",), failure_strategy="rollback"
    )
    world.catalog = catalog(foo, stages=(Stage(environment="dev"),))
    put(world, "1.0")
    put(world, "1.1", outcome="failed")
    world.deploy("failed")
    world.evaluate(minutes=1)
    (entry,) = service.get("/api/inbox")["entries"]
    assert entry["text"].startswith("rollback to 1.0: ")
    assert_possible(service, entry)


def test_an_incident_is_rolled_back_where_something_would_be_put_back(world: Scenario, service: Service) -> None:
    asked_of(world, "foo")
    put(world, "1.0")
    world.tell("incident.detected", service="foo", environment="dev", incident="slow")
    world.evaluate(minutes=1)
    (entry,) = service.get("/api/inbox?kind=incident")["entries"]
    assert [one["verb"] for one in entry["acts"]] == ["look"]
    put(world, "1.1")
    (entry,) = service.get("/api/inbox?kind=incident")["entries"]
    assert [one["verb"] for one in entry["acts"]] == ["roll back", "look"]
    assert_possible(service, entry)


def test_while_a_worker_is_late_the_inbox_says_so_first(world: Scenario, service: Service) -> None:
    asked_of(world, "foo")
    world.publish("1.0")
    assert entries(service, "?kind=workers") == []
    world.now += timedelta(minutes=2)
    assert service.get("/api/inbox")["entries"][0]["text"] == "promote is late: evaluations: 1 wait, the oldest for 2m"
    world.evaluate()
    note(world.engine, "ingest-1", world.now, world.now)
    world.now += timedelta(minutes=3)
    texts = [one["text"].partition(":")[0] for one in service.get("/api/inbox?kind=workers")["entries"]]
    assert sorted(texts) == [f"{worker} is late" for worker in ("ingest", "relay")]
    assert "Nothing needs attention" not in service.ask("/inbox", accept="text/html").text


def test_each_element_of_the_page_has_an_id_of_its_own(service: Service) -> None:
    service.problems += ["services/foo.yml: no", "services/web.yml: no"]
    ids = re.findall(r'id="(entry-[^"]*)"', service.ask("/inbox", accept="text/html").text)
    assert len(ids) == len(set(ids)) == 2


def test_the_acts_name_the_module_of_a_service_that_has_several(world: Scenario, service: Service) -> None:
    modules = ("com.example:foo", "com.example:web")
    world.catalog = catalog(ConfiguredService(ident="foo", artifacts=modules, pipelines=("main",)))
    for name in ("foo", "web"):
        put(world, "1.0", name=name, outcome="failed")
    failures = service.get("/api/inbox?kind=failure")["entries"]
    assert sorted(one["module"] for one in failures) == list(modules)
    for one in failures:
        assert_possible(service, one)


def test_holds_that_end_soon_or_have_stood_for_long_are_listed_and_vetoes_may_stand(
    world: Scenario, service: Service
) -> None:
    asked_of(world, "foo")
    at = {"service": "foo", "by": "sue", "reason": "audit"}
    world.tell("hold.placed", kind="freeze", environment="prod", **at)
    world.tell("hold.placed", kind="veto", version="0.9", **at)
    soon = (world.now + timedelta(days=9)).isoformat()
    world.tell("hold.placed", kind="pause", **at, until=soon)
    world.evaluate()
    assert entries(service, "?kind=hold") == []
    world.now += timedelta(days=8, hours=1)
    held = [one for one in service.get("/api/inbox")["entries"] if one["kind"] == "hold"]
    assert {(one["holdKind"], one["until"] is not None) for one in held} == {("freeze", False), ("pause", True)}
    assert [one["acts"][0]["command"].split()[1] for one in held if one["holdKind"] == "freeze"] == ["thaw"]


def test_drift_lost_facts_and_files_are_of_the_same_list(world: Scenario, service: Service) -> None:
    asked_of(world, "foo")
    put(world, "1.0")
    by_hand = {"group": "com.example", "name": "foo", "version": "1.5"}
    world.tell("deployment.observed", service="foo", environment="dev", artifact=by_hand)
    world.tell("deployment.finished", service="fooo", environment="prod", version="7", outcome="succeeded")
    world.evaluate(minutes=1)
    service.problems.append("services/foo.yml:3:5: pipelin is not known")
    body = service.get("/api/inbox?limit=2")
    assert {"unmatched", "configuration", "drift"} <= set(body["counts"])
    assert (len(body["entries"]), body["more"]) == (2, True)
    (drift,) = service.get("/api/inbox?kind=drift")["entries"]
    assert (drift["service"], drift["environment"], drift["version"]) == ("foo", "dev", "1.0")
    assert drift["acts"][0]["command"] == "deploydb rollback foo dev --to 1.0 --reason WHY"
    assert_possible(service, drift)
    (lost,) = service.get("/api/inbox?kind=unmatched")["entries"]
    assert "did you mean foo?" in lost["text"]


def test_a_starved_lane_is_named_as_everywhere(world: Scenario, service: Service) -> None:
    starve(world)
    (lane,) = service.get("/api/inbox?kind=starved")["entries"]
    assert lane["text"] == service.get("/api/status")["starved"][0]["text"]


@pytest.mark.parametrize("query", ["?service=nothing", "?environment=mars"])
def test_what_does_not_exist_is_named(service: Service, query: str) -> None:
    assert service.refusal(f"/api/inbox{query}")[0] == 404


def test_a_kind_that_there_is_not_is_refused(service: Service) -> None:
    answer = (400, "kind=approvl is not known; did you mean approval?")
    assert service.refusal("/api/inbox?kind=approvl") == answer
    assert "kind=zzz is not known; there is approval, commands, " in service.refusal("/api/inbox?kind=zzz")[1]
