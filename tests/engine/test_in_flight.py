"""The effect of another configuration on the releases in flight."""

import dataclasses

from deploydb.domain.model.catalog import Catalog, Incomplete
from deploydb.domain.model.deployment import Status
from deploydb.engine.in_flight import effects
from deploydb.engine.unblock import unblock
from tests.domain.given import THREE, catalog, chain, foo
from tests.domain.scenario import Scenario, world


def found(it: Scenario, known: Catalog) -> list[tuple[str, str, str]]:
    """The effects of a catalog."""
    snapshot = it.situation()
    return [(one.environment, one.version, one.effect) for one in effects(known, snapshot, it.now, it.catalog)]


def begun() -> Scenario:
    """1.0 runs in dev and waits to be verified; foo asks for a smoke test."""
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    return it


SMOKE = {"services": [foo(promotions=("smoke",))]}


def test_the_same_configuration_affects_nothing() -> None:
    assert found(begun(), catalog(*THREE, **SMOKE)) == []


def test_a_stage_that_is_inserted_or_removed() -> None:
    it = begun()
    assert found(it, catalog(*chain("dev", "canary", "staging", "prod"), **SMOKE)) == [
        ("canary", "1.0", "gets a deployment, which waits: waits for dev"),
        ("staging", "1.0", "waits: waits for canary"),
    ]
    assert found(it, catalog(*chain("dev", "prod"), **SMOKE)) == [
        ("prod", "1.0", "waits: waits for dev"),
        ("staging", "1.0", "waits: staging is not a stage of foo"),
    ]


def test_a_gate_that_is_removed_and_what_it_lets_in() -> None:
    assert found(begun(), catalog(*THREE)) == [
        ("dev", "1.0", "is SUCCESS: deployed; nothing else to pass"),
        ("staging", "1.0", "is deployed at once: promoted from dev: deployed; nothing else to pass"),
    ]


def test_a_service_that_is_removed_or_lists_other_modules() -> None:
    it = begun()
    waiting = "waits: foo is not configured"
    assert found(it, catalog(*THREE, services=[])) == [(name, "1.0", waiting) for name in ("dev", "prod", "staging")]
    others = catalog(*THREE, services=[foo(artifacts=("com.example:other",), promotions=("smoke",))])
    unlisted = "waits: com.example:foo is not an artifact of foo"
    assert found(it, others) == [(name, "1.0", unlisted) for name in ("prod", "staging")]


def test_a_service_that_lacks_something_waits_and_goes_on_once_it_is_there() -> None:
    it = begun()
    complete = it.catalog
    lacks = Incomplete(service=foo(promotions=("smoke",)), lacks=("environment prod",))
    incomplete = dataclasses.replace(complete, services={}, incomplete={"foo": lacks})
    waiting = "waits: foo lacks environment prod"
    assert found(it, incomplete) == [(name, "1.0", waiting) for name in ("dev", "prod", "staging")]
    missing = unblock(incomplete, it.outlook(), it.find("prod", "1.0").id, it.now)
    assert missing is not None
    assert missing.instead == "configure what foo lacks: environment prod"
    it.catalog = incomplete
    it.verify("dev", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.COMPLETED
    it.catalog = complete
    it.evaluate()
    assert (it.status("dev", "1.0"), it.status("staging", "1.0")) == (Status.SUCCESS, Status.CREATED)


def test_nothing_of_the_snapshot_is_changed() -> None:
    it = begun()
    before = dict(it.deployments)
    found(it, catalog(*chain("dev", "canary")))
    assert it.deployments == before
