"""People are one person each, and their words count for what stood when they were recorded, on every database."""

import json
from datetime import timedelta

import pytest

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import Service, Stage
from deploydb.store.record import record
from deploydb.store.tables import approval, artifact
from tests.contract.folding import differences
from tests.contract.promotion_steps import reason
from tests.scenario import NOON, Scenario, catalog

LANE = {"service": "foo", "environment": "dev", "version": "1.0"}


def test_two_spellings_of_a_name_are_one_person(database_url: str) -> None:
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("go",))
    go = ManualPromotion(ident="go", approvals=2, allow_author=False)
    with Scenario(database_url, catalog(foo, stages=(Stage(environment="dev"),), promotions=(go,))) as world:
        world.publish("1.0", source="ｓａｍ")
        world.evaluate()
        world.deploy()
        for by in ("sue", " sue", "ｓｕｅ", "sam"):
            world.tell("approval.given", **LANE, promotion="go", by=by)
        world.evaluate()
        assert [row.by for row in world.rows(approval)] == ["sam", "sue"]
        assert reason(world, "dev", "1.0") == "waits for 1 approval beside sue; sam published it and does not count"
        world.tell("approval.given", **LANE, promotion="go", by="Sue")
        world.evaluate()
        assert world.statuses("1.0") == {"dev": "SUCCESS"}
        assert differences(world.engine) == {}


def test_an_override_counts_for_the_freezes_that_stood_when_it_was_recorded(database_url: str) -> None:
    may = {"groups": {"sre": frozenset({"sue"})}, "freeze_overriders": ("sre",)}
    with Scenario(database_url, catalog(stages=(Stage(environment="dev"),), **may)) as world:
        override = {**LANE, "promotion": "freeze", "by": "sue", "comment": "it is a fix"}
        earlier = (NOON - timedelta(hours=1)).isoformat()
        world.tell("approval.given", **override)  # before its deployment, and before the freeze
        world.now += timedelta(minutes=1)
        world.tell("hold.placed", kind="freeze", environment="dev", by="ann", time=earlier)
        world.now += timedelta(minutes=1)
        world.publish("1.0")
        world.evaluate()
        world.evaluate(minutes=1)
        assert len(world.rows(approval)) == 1
        assert world.statuses("1.0") == {"dev": "NOT_STARTED"}
        world.tell("approval.given", **override)
        world.evaluate()
        assert world.statuses("1.0") == {"dev": "CREATED"}
        assert differences(world.engine) == {}


@pytest.mark.parametrize(
    ("named", "texts"),
    [
        ({}, {"ci": "ci published it and does not count"}),
        ({"author": "alice"}, {"alice": "alice is an author of it and does not count"}),
        (
            {"author": "alice", "triggered_by": "\uff42ob"},
            {
                "alice": "alice is an author of it and does not count",
                "bob": "bob is an author of it and does not count",
            },
        ),
        ({"triggered_by": "bob"}, {"bob": "bob is an author of it and does not count"}),
        ({"author": "ci"}, {"ci": "ci published it and does not count"}),
    ],
)
def test_the_authors_that_a_publication_names_may_not_approve_else_its_publisher(
    database_url: str, named: dict[str, str], texts: dict[str, str]
) -> None:
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("go",))
    go = ManualPromotion(ident="go", approvals=4, allow_author=False)
    with Scenario(database_url, catalog(foo, stages=(Stage(environment="dev"),), promotions=(go,))) as world:
        world.publish("1.0", source="ci", artifact=named)
        world.evaluate()
        world.deploy()
        people = ["alice", "bob", "ci"]
        for by in people:
            world.tell("approval.given", **LANE, promotion="go", by=by)
        world.evaluate()
        counting = [by for by in people if by not in texts]
        waits = f"waits for {4 - len(counting)} approvals beside {', '.join(counting)}"
        assert reason(world, "dev", "1.0") == "; ".join([waits, *texts.values()])
        assert differences(world.engine) == {}


def test_no_publisher_is_no_author(database_url: str) -> None:
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("go",))
    go = ManualPromotion(ident="go", allow_author=False)
    with Scenario(database_url, catalog(foo, stages=(Stage(environment="dev"),), promotions=(go,))) as world:
        file = {"group": "com.example", "name": "foo", "version": "1.0"}
        publication = {"type": "artifact.published", "id": "1", "source": "sue", "artifact": file}
        record(world.engine, [world.arrival(json.dumps(publication).encode(), None)], world.now)
        assert [row.published_by for row in world.rows(artifact)] == [""]
        world.evaluate()
        (command,) = world.commands()
        assert command.reason == "published by a publisher without a name"
        assert differences(world.engine) == {}
