"""Orders of people for one lane: the version goes ahead there, and its way to every other lane stays as it was."""

from datetime import timedelta

import pytest

from deploydb.domain.model.admission_reasons import BehindHotfix, BehindPromotion, BeingVerified, NewerIsLive
from deploydb.domain.model.catalog import After, Parallel, Retry, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Admitted, AwaitingStages, FailedBeside
from tests.domain.given import chain, foo
from tests.domain.scenario import Scenario, world

WORDS = Comment(by="alice", comment="prod is down")
TWO = (
    *chain("dev", "staging", dev=("smoke",), staging=("manual",)),
    *(Stage(environment=name, after=After(environments=("staging",)), promotions=("smoke",)) for name in ("eu", "us")),
)
GROUP = (Parallel(environments=("eu", "us"), most=1),)


def published(*stages: Stage, **more: object) -> Scenario:
    it = world(*(stages or TWO), **more)
    it.publish("5.1")
    it.evaluate()
    return it


def test_a_version_is_promoted_to_one_lane_and_to_no_other() -> None:
    it = published()
    it.promote("us", "5.1", "dev", "staging")
    it.evaluate()
    assert it.status("us", "5.1") is Status.CREATED
    assert it.commands[-1].reason == Admitted(published_by="ci", promotion=WORDS, skip=("dev", "staging"))
    it.deploy("us", "5.1")
    it.verify("us", "5.1")
    for minutes in (0, 1, 30):
        it.evaluate(minutes)
        assert it.status("eu", "5.1") is Status.NOT_STARTED
        assert it.status("staging", "5.1") is Status.NOT_STARTED
    assert it.reason("staging", "5.1") == AwaitingStages(environments=("dev",), all=True)


def test_the_stages_that_it_passed_by_go_on_and_lead_to_the_other_lanes() -> None:
    it = published()
    it.promote("us", "5.1", "dev", "staging")
    it.evaluate()
    it.deploy("us", "5.1")
    it.deploy("dev", "5.1")
    it.verify("dev", "5.1")
    it.evaluate(1)
    it.deploy("staging", "5.1")
    assert it.status("eu", "5.1") is Status.NOT_STARTED
    it.speak("staging", "5.1", "bob")
    it.evaluate(1)
    assert it.status("eu", "5.1") is Status.CREATED
    assert it.commands[-1].reason.promotion is None


def test_what_a_person_promoted_and_rolled_back_goes_to_no_lane_beside_it() -> None:
    it = world(*TWO, parallel=GROUP)
    it.publish("5.0")
    it.evaluate()
    for lane, lead in (("dev", "smoke"), ("staging", "manual"), ("eu", "smoke"), ("us", "smoke")):
        it.deploy(lane, "5.0")
        it.verify(lane, "5.0") if lead == "smoke" else it.speak(lane, "5.0", "bob")
        it.evaluate(1)
    it.publish("5.1", published=9)
    it.promote("us", "5.1", "dev", "staging")
    it.evaluate()
    it.deploy("us", "5.1")
    it.verify("us", "5.1")
    it.evaluate(1)
    it.want_back("us")
    it.evaluate(1)
    it.finish_rollback(next(one for one in it.deployments.values() if one.kind == "rollback"))
    for lane in ("dev", "staging"):
        it.evaluate(1)
        it.deploy(lane, "5.1")
        it.verify(lane, "5.1")
        it.speak(lane, "5.1", "bob")
    it.evaluate(600)
    assert (it.runs("us"), it.runs("eu"), it.status("eu", "5.1")) == ("5.0", "5.0", Status.NOT_STARTED)


def test_stages_that_the_person_has_not_named_are_waited_for() -> None:
    it = published()
    it.promote("us", "5.1", "staging")
    it.evaluate()
    assert it.reason("us", "5.1") == AwaitingStages(environments=("staging",), all=True)
    it.deploy("dev", "5.1")
    it.verify("dev", "5.1")
    it.evaluate(1)
    assert it.status("us", "5.1") is Status.CREATED
    assert it.status("eu", "5.1") is Status.NOT_STARTED


def test_a_failed_stage_upstream_ends_it_in_the_other_lanes_and_not_in_this_one() -> None:
    it = published()
    it.hold("freeze", environment="us")
    it.promote("us", "5.1", "dev", "staging")
    it.evaluate(61)
    assert [it.status(name, "5.1") for name in ("dev", "eu")] == [Status.FAILED, Status.SKIPPED]
    it.hold("freeze", environment="us", lift=True)
    it.evaluate(1)
    assert it.status("us", "5.1") is Status.CREATED


def test_it_goes_ahead_of_newer_ones_and_of_what_is_being_verified_in_its_lane_alone() -> None:
    it = world(*chain("dev", "prod", dev=("manual",), prod=("manual",)))
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.speak("dev", "1.0", "bob")
    it.evaluate(1)
    it.deploy("prod", "1.0")
    it.publish("1.1", published=1)
    it.evaluate()
    it.deploy("dev", "1.1")
    it.publish("1.2", published=2)
    it.evaluate()
    assert it.reason("dev", "1.2") == BeingVerified(version="1.1", deployment=it.find("dev", "1.1").id)
    it.promote("prod", "1.1", "dev")
    it.evaluate()
    assert it.status("prod", "1.1") is Status.CREATED
    assert it.status("dev", "1.2") is Status.NOT_STARTED


def test_others_in_the_lane_wait_behind_it() -> None:
    it = world(*chain("dev", "prod"), entry={"prod": ("manual",)})
    for number, version in enumerate(("1.0", "1.1")):
        it.publish(version, published=number)
        it.evaluate()
        if version == "1.0":
            it.promote("prod", "1.0")
        it.deploy("dev", version)
    assert it.reason("prod", "1.1") == BehindPromotion(version="1.0", promotion=WORDS)


@pytest.mark.parametrize("kind", ["pause", "freeze", "veto", "pin"])
def test_holds_and_entry_gates_stand_against_it(kind: str) -> None:
    it = published(entry={"us": ("manual",)})
    scope = {"version": "5.1" if kind == "veto" else "4.0"} if kind in ("veto", "pin") else {}
    it.hold(kind, environment="us", **scope)
    it.promote("us", "5.1", "dev", "staging")
    it.evaluate()
    assert it.status("us", "5.1") is Status.NOT_STARTED
    it.hold(kind, environment="us", lift=True, **scope)
    it.evaluate()
    assert it.status("us", "5.1") is Status.NOT_STARTED
    it.speak("us", "5.1", "bob")
    it.evaluate()
    assert it.status("us", "5.1") is Status.CREATED


def test_a_person_lets_a_release_that_failed_beside_into_one_lane() -> None:
    stages = (
        *chain("dev"),
        *(Stage(environment=name, after=After(environments=("dev",))) for name in ("eu", "us", "ap")),
    )
    group = (Parallel(environments=("eu", "us", "ap"), most=1),)
    it = world(*stages, parallel=group, services=[foo()])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.finish("eu", "1.0", "failed")
    it.evaluate()
    assert isinstance(it.reason("us", "1.0"), FailedBeside)
    it.promote("us", "1.0")
    it.evaluate()
    assert it.status("us", "1.0") is Status.CREATED
    it.deploy("us", "1.0")
    assert isinstance(it.reason("ap", "1.0"), FailedBeside)


def test_what_a_person_wants_waits_for_a_hotfix_and_is_not_superseded_by_it() -> None:
    it = published(*chain("dev", "prod"))
    it.publish("5.2", published=1)
    it.publish("5.3", published=2)
    it.hotfix("5.3")
    it.promote("dev", "5.2")
    it.evaluate()
    assert it.reason("dev", "5.2") == BehindHotfix(version="5.3", hotfix=WORDS)
    it.deploy("dev", "5.1")
    it.evaluate()
    assert it.status("dev", "5.3") is Status.CREATED
    assert it.status("dev", "5.2") is Status.NOT_STARTED
    it.deploy("dev", "5.3")
    assert it.reason("dev", "5.2") == NewerIsLive(environment="dev", version="5.3", higher=True)


def test_what_let_the_first_attempt_past_a_stage_lets_the_next_one_past_it() -> None:
    it = world(*chain("dev", "prod"), services=[foo(retry=Retry(retries=1, backoff=timedelta(minutes=5)))])
    it.hold("pin", environment="dev", version="0.9")
    it.publish("1.0")
    it.promote("prod", "1.0", "dev")
    it.evaluate()
    it.finish("prod", "1.0", "failed")
    it.evaluate(1)
    it.publish("1.1", published=1)
    it.promote("prod", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SKIPPED
    it.evaluate(5)
    it.deploy("prod", "1.0")
    assert it.status("prod", "1.0") is Status.SUCCESS
