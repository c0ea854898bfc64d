"""A vetoed version lets others past: at the entry, while it is verified, in its region's group, and with people."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.admission_reasons import NewerIsLive, Vetoed
from deploydb.domain.model.catalog import After, Parallel, Stage
from deploydb.domain.model.deployment import GateStatus, Status
from deploydb.domain.model.gate_reasons import AwaitingApproval
from tests.domain.given import MANUAL, SMOKE, at, catalog, chain
from tests.domain.scenario import Scenario, world


def verifying(supersede: str = "newest") -> Scenario:
    """2.0 is being verified in dev."""
    it = world(
        *(
            replace(stage, while_verifying="wait", supersede=supersede)
            for stage in chain("dev", "prod", dev=("manual",))
        )
    )
    it.publish("2.0")
    it.evaluate()
    it.deploy("dev", "2.0")
    return it


@pytest.mark.parametrize("supersede", ["newest", "queue", "all"])
def test_a_vetoed_version_that_is_being_verified_does_not_occupy_its_stage(supersede: str) -> None:
    it = verifying(supersede)
    it.publish("2.1", published=1)
    it.evaluate()
    assert it.status("dev", "2.1") is Status.NOT_STARTED
    it.hold("veto", version="2.0")
    it.evaluate()
    assert it.status("dev", "2.1") is Status.CREATED


def test_people_are_not_asked_about_it_and_are_again_after_the_veto() -> None:
    it = verifying()
    it.hold("veto", version="2.0")
    it.evaluate()
    held = Vetoed(service="foo", version="2.0", by="alice", comment="because")
    deployment = it.find("dev", "2.0")
    verdict = it.ledger.verdicts(deployment.id)["exit", "manual"]
    assert (verdict.outcome, verdict.reason, deployment.status_reason) == (GateStatus.PENDING, held, held)
    it.hold("veto", lift=True, version="2.0")
    it.evaluate()
    assert isinstance(it.ledger.verdicts(deployment.id)["exit", "manual"].reason, AwaitingApproval)


def test_at_the_entry_neither_and_their_time_begins_anew_after_it() -> None:
    manual = ManualPromotion(ident="manual", timeout=timedelta(hours=1))
    it = world(*chain("dev"), entry={"dev": ("manual",)}, promotions=(manual,))
    it.publish("2.0")
    it.evaluate()
    it.hold("veto", version="2.0")
    it.evaluate(30)
    entry = ("entry", "manual")
    assert isinstance(it.ledger.verdicts(it.find("dev", "2.0").id)[entry].reason, Vetoed)
    it.evaluate(90)
    it.hold("veto", lift=True, version="2.0")
    it.evaluate()
    verdict = it.ledger.verdicts(it.find("dev", "2.0").id)[entry]
    assert (verdict.outcome, verdict.recheck_at) == (GateStatus.PENDING, at(180))


def test_it_does_not_occupy_the_group_of_its_region() -> None:
    stages = (
        Stage(environment="dev"),
        *(Stage(environment=name, after=After(environments=("dev",)), promotions=("manual",)) for name in ("eu", "us")),
    )
    it = Scenario(catalog(*stages, parallel=(Parallel(environments=("eu", "us"), most=1),)))
    it.publish("2.0")
    it.evaluate()
    it.deploy("dev", "2.0")
    it.deploy("eu", "2.0")
    it.publish("2.1", published=1)
    it.evaluate()
    it.deploy("dev", "2.1")
    assert [it.status(name, "2.1") for name in ("eu", "us")] == [Status.NOT_STARTED, Status.NOT_STARTED]
    it.hold("veto", environment="eu", version="2.0")
    it.hold("pin", environment="eu", version="2.0")
    it.evaluate()
    assert it.status("us", "2.1") is Status.CREATED


def test_a_version_that_failed_and_is_vetoed_rules_out_no_older_one() -> None:
    it = world(*chain("dev"))
    it.publish("2.0", published=5)
    it.evaluate()
    it.deploy("dev", "2.0", "failed")
    it.hold("veto", version="2.0")
    it.publish("1.9", published=1)
    it.evaluate()
    assert it.status("dev", "1.9") is Status.CREATED


def test_older_ones_wait_while_the_vetoed_version_runs_and_come_once_it_is_rolled_back() -> None:
    it = world(*chain("dev"))
    it.publish("1.8")
    it.evaluate()
    it.deploy("dev", "1.8")
    it.publish("2.0", published=5)
    it.evaluate()
    it.deploy("dev", "2.0")
    it.hold("veto", version="2.0")
    it.publish("1.9", published=1)
    it.evaluate()
    newer = NewerIsLive(environment="dev", version="2.0", higher=True)
    assert (it.status("dev", "1.9"), it.reason("dev", "1.9")) == (Status.NOT_STARTED, newer)
    it.want_back("dev")
    it.evaluate()
    it.finish_rollback(next(one for one in it.deployments.values() if one.kind == "rollback"))
    it.evaluate()
    assert it.status("dev", "1.9") is Status.CREATED


def test_a_version_in_line_that_is_vetoed_lets_the_next_one_in() -> None:
    it = world(replace(chain("dev")[0], supersede="queue"), entry={"dev": ("smoke",)}, promotions=(SMOKE, MANUAL))
    for number, version in enumerate(("2.0", "2.1")):
        it.publish(version, published=number)
    it.evaluate()
    it.hold("veto", version="2.0")
    it.verify("dev", "2.1")
    it.evaluate()
    assert it.status("dev", "2.1") is Status.CREATED
