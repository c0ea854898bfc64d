"""Gates that ask others: what they wait for is stored, and wakes them."""

from datetime import timedelta

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.gates.provenance import ProvenancePromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.catalog import Service, Stage
from deploydb.store.tables import external_check
from tests.contract.folding import differences
from tests.contract.promotion_steps import FOO, reason
from tests.contract.promotion_steps import world as world
from tests.scenario import NOON, Scenario, catalog


def test_a_gate_that_cannot_tell_notifies_once_and_is_answered_by_a_person(database_url: str) -> None:
    ready = WebhookPromotion(ident="ready", url="http://foo.test", retries=2)
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), failure_strategy="rollback")
    known = catalog(
        foo,
        stages=(Stage(environment="dev", promotions=("ready",)),),
        promotions=(ready,),
        groups={"sre": frozenset({"sue"})},
        freeze_overriders=("sre",),
    )
    lane = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "ready"}
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("verification.finished", **lane, outcome="pending", reason="404, expected 200: none")
        world.evaluate()
        assert reason(world, "dev", "1.0") == "ready: not yet: 404, expected 200: none"
        for minutes in (1, 1, 1):
            world.tell("verification.finished", **lane, outcome="errored", reason="timed out")
            world.evaluate(minutes=minutes)
        (notification,) = world.notifications()
        assert (notification["type"], notification["promotion"]) == ("gate.errored", "ready")
        assert "timed out" in notification["reason"]
        assert world.statuses("1.0") == {"dev": "COMPLETED"}
        world.tell("approval.given", **lane, by="sue", comment="it is up")
        world.evaluate(minutes=1)
        assert world.statuses("1.0") == {"dev": "SUCCESS"}
        assert "counted as passed by sue: it is up" in reason(world, "dev", "1.0")
        assert not differences(world.engine)


def test_a_gate_that_asks_about_another_service_is_woken_by_it(database_url: str) -> None:
    known = catalog(
        Service(ident="db", artifacts=("com.example:db",), pipelines=("main",)),
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("db",)),
        promotions=(DependsOnPromotion(ident="db", service="db", environment="dev", version=">=2"),),
    )
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        assert reason(world, "dev", "1.0") == "waits for db >=2 in dev: nothing of it runs there"
        world.publish("2.1", name="db")
        world.evaluate()
        world.deploy()
        world.evaluate()
        assert world.statuses("1.0")["dev"] == "SUCCESS"


def test_an_attestation_counts_though_it_came_before_the_artifact(database_url: str) -> None:
    known = catalog(
        FOO, promotions=(ProvenancePromotion(ident="signed", signers=("cosign",)),), entry={"dev": ("signed",)}
    )
    with Scenario(database_url, known) as world:
        signed = {"group": "com.example", "name": "foo", "version": "1.0", "digest": "sha256:1"}
        world.tell("artifact.attested", artifact=signed, signer="cosign")
        world.publish("1.0", artifact={"digest": "sha256:1"})
        world.publish("2.0", artifact={"digest": "sha256:2"}, time=(NOON + timedelta(minutes=1)).isoformat())
        world.evaluate()
        assert reason(world, "dev", "2.0") == "waits for an attestation of sha256:2 by cosign"
        world.tell("artifact.attested", artifact=signed | {"version": "2.0", "digest": "sha256:2"}, signer="cosign")
        world.evaluate()
        assert reason(world, "dev", "2.0") == "published by tests, signed: attested by cosign (signature)"


def test_a_url_that_must_be_asked_is_a_row_for_the_worker_that_asks(database_url: str) -> None:
    known = catalog(
        FOO, promotions=(WebhookPromotion(ident="ready", url="http://example.com"),), entry={"dev": ("ready",)}
    )
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate()
        world.evaluate()
        (asked,) = world.rows(external_check)
        assert (asked.promotion, asked.due_at, asked.done_at) == ("ready", world.now, None)
        world.tell(
            "verification.finished", deployment=asked.deployment_id, promotion="ready", outcome="passed", reason="200"
        )
        world.evaluate()
        assert len(world.commands()) == 1
