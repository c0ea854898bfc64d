"""A parallel group: a release that failed in one lane enters no other by automation."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.model.admission_reasons import GroupFull
from deploydb.domain.model.catalog import After, Parallel, Retry, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.gate_reasons import IncidentOpen
from deploydb.domain.model.outcome_reasons import AttemptFailed
from deploydb.domain.model.reason_parts import IncidentReport
from deploydb.domain.model.reasons import FailedBeside, TakenBackBeside
from deploydb.domain.wording import text
from tests.domain.failure_steps import back
from tests.domain.given import BAR, FOO, foo
from tests.domain.scenario import Scenario, world

REGIONS = (
    Stage(environment="dev"),
    *(Stage(environment=name, after=After(environments=("dev",))) for name in ("eu", "us")),
)
TOGETHER = (*REGIONS[:2], replace(REGIONS[2], together=True))


def regions(*stages: Stage, most: int = 1, **service: object) -> Scenario:
    """1.0 runs in both regions, 2.0 is commanded in eu."""
    group = Parallel(environments=("eu", "us"), most=most)
    it = world(*(stages or REGIONS), parallel=(group,), services=[foo(**service)])
    for number, version in enumerate(("1.0", "2.0")):
        it.publish(version, published=number)
        it.evaluate(1)
        it.deploy("dev", version)
        if version == "1.0":
            it.deploy("eu", version)
            it.deploy("us", version)
    return it


def fail(it: Scenario, environment: str = "eu") -> None:
    it.finish(environment, "2.0", "failed", reason="no disk")
    it.evaluate(0)


def roll_back(it: Scenario, environment: str) -> None:
    """The orchestrator is done with the rollback there."""
    rollback = next(one for one in it.deployments.values() if one.kind == "rollback" and one.environment == environment)
    it.finish_rollback(rollback)
    it.evaluate(0)


def kinds(it: Scenario, environment: str) -> list[str]:
    return [one.kind for one in it.commands if one.deployment.environment == environment]


@pytest.mark.parametrize("strategy", ["stop", "rollback", "full_rollback"])
def test_a_release_that_failed_in_a_region_enters_no_other_whatever_follows(strategy: str) -> None:
    it = regions(failure_strategy=strategy)
    fail(it)
    if strategy != "stop":
        roll_back(it, "eu")
        assert it.runs("eu") == "1.0"
    for minutes in (0, 1, 600):
        it.evaluate(minutes)
        beside = FailedBeside(version="2.0", environment="eu", reason=AttemptFailed(text="no disk"))
        assert (it.status("us", "2.0"), it.reason("us", "2.0")) == (Status.NOT_STARTED, beside)


def test_nor_does_it_while_another_attempt_is_waited_for_or_made_and_does_once_that_succeeded() -> None:
    it = regions(retry=Retry(retries=1, backoff=timedelta(minutes=5)))
    fail(it)
    held = FailedBeside(version="2.0", environment="eu", reason=AttemptFailed(text="no disk"))
    it.evaluate(1)
    assert (it.find("eu", "2.0").attempt, it.reason("us", "2.0")) == (2, held)
    it.evaluate(4)
    assert (it.status("eu", "2.0"), it.reason("us", "2.0")) == (Status.CREATED, held)
    it.deploy("eu", "2.0")
    assert it.status("us", "2.0") is Status.CREATED


def test_an_ignored_failure_holds_nothing() -> None:
    it = regions(failure_strategy="ignore")
    fail(it)
    assert it.status("us", "2.0") is Status.CREATED


def test_an_incident_after_the_success_holds_the_others() -> None:
    it = regions(failure_strategy="rollback", fail_on_incident=True)
    it.hold("pause", environment="us")
    it.deploy("eu", "2.0")
    it.incident("eu")
    it.evaluate(1)
    roll_back(it, "eu")
    it.incident("eu", over=True)
    it.hold("pause", lift=True, environment="us")
    it.evaluate(1)
    trouble = IncidentOpen(incidents=(IncidentReport(name="INC-1", text="errors"),))
    assert it.reason("us", "2.0") == FailedBeside(version="2.0", environment="eu", reason=trouble)


def test_a_release_that_a_person_rolled_back_enters_no_other_region_at_any_moment() -> None:
    it = regions()
    it.hold("pause", environment="us")
    it.deploy("eu", "2.0")
    it.want_back("eu")
    it.hold("pause", lift=True, environment="us")
    held = TakenBackBeside(version="2.0", environment="eu")
    it.evaluate(0)
    assert it.reason("us", "2.0") == held
    roll_back(it, "eu")
    assert it.reason("us", "2.0") == held


@pytest.mark.parametrize("supersede", ["newest", "queue", "all"])
def test_the_next_release_passes_the_one_that_is_held(supersede: str) -> None:
    it = regions(*(replace(stage, supersede=supersede) for stage in REGIONS), failure_strategy="rollback")
    fail(it)
    roll_back(it, "eu")
    it.publish("3.0", published=9)
    it.evaluate(1)
    for environment in ("dev", "eu", "us"):
        it.deploy(environment, "3.0")
    assert (it.runs("eu"), it.runs("us")) == ("3.0", "3.0")
    assert it.status("us", "2.0") is Status.SKIPPED


@pytest.mark.parametrize(("stages", "both"), [(REGIONS, False), (TOGETHER, True)])
def test_the_others_of_the_group_follow_the_failure_where_a_stage_says_together(
    stages: tuple[Stage, ...], both: bool
) -> None:
    it = regions(*stages, failure_strategy="rollback")
    it.deploy("eu", "2.0")
    it.finish("us", "2.0", "failed", reason="no disk")
    it.evaluate(0)
    assert [where for where, _, _ in back(it)] == (["us", "eu"] if both else ["us"])
    if both:
        beside = FailedBeside(version="2.0", environment="us", reason=AttemptFailed(text="no disk"))
        assert (it.status("eu", "2.0"), it.reason("eu", "2.0")) == (Status.FAILED, beside)
        roll_back(it, "eu")
    roll_back(it, "us")
    it.evaluate(60)
    assert (it.runs("eu"), it.runs("us")) == ("1.0" if both else "2.0", "1.0")


def test_together_follows_the_strategy_of_the_lane_that_failed_also_for_what_was_on_its_way() -> None:
    it = regions(*TOGETHER, most=2, failure_strategy="rollback")
    assert (it.status("eu", "2.0"), it.status("us", "2.0")) == (Status.CREATED, Status.CREATED)
    fail(it)
    assert kinds(it, "us") == ["deploy", "deploy"]
    it.deploy("us", "2.0")
    assert it.status("us", "2.0") is Status.FAILED
    roll_back(it, "us")
    assert it.runs("us") == "1.0"


def test_with_stop_nothing_else_changes_in_lanes_that_go_together() -> None:
    it = regions(*TOGETHER)
    it.deploy("eu", "2.0")
    it.finish("us", "2.0", "failed")
    it.evaluate(1)
    assert it.status("eu", "2.0") is Status.SUCCESS


def test_a_rollback_that_fails_takes_no_other_lane_along() -> None:
    last = Stage(environment="prod", after=After(environments=("eu", "us")))
    it = regions(*TOGETHER, last, failure_strategy="rollback")
    fail(it)
    it.finish_rollback(next(one for one in it.deployments.values() if one.kind == "rollback"), "failed")
    it.evaluate(1)
    assert it.status("us", "1.0") is Status.SUCCESS
    assert [where for where, _, _ in back(it)] == ["eu"]


def test_what_is_attempted_again_while_the_release_fails_in_a_lane_beside_is_judged_once_it_is_there() -> None:
    verified = replace(TOGETHER[2], promotions=("manual",), while_verifying="replace")
    it = regions(*TOGETHER[:2], verified, most=2, failure_strategy="rollback")
    it.finish("us", "2.0")
    it.retry("us", "2.0")
    it.evaluate(1)
    fail(it)
    assert (it.find("us", "2.0").attempt, it.status("us", "2.0")) == (2, Status.CREATED)
    it.deploy("us", "2.0")
    assert it.status("us", "2.0") is Status.FAILED


def test_what_a_person_promotes_after_the_failure_of_a_lane_that_goes_together_with_it_stays() -> None:
    it = regions(*TOGETHER, failure_strategy="rollback")
    fail(it)
    roll_back(it, "eu")
    it.promote("us", "2.0")
    it.evaluate(0)
    assert text(it.commands[-1].reason).endswith("; although 2.0 failed in eu: no disk")
    it.deploy("us", "2.0")
    assert (it.status("us", "2.0"), it.runs("us"), it.runs("eu")) == (Status.SUCCESS, "2.0", "1.0")


def test_what_a_person_attempts_again_after_it_stays_too() -> None:
    it = regions(*TOGETHER, most=2, failure_strategy="rollback")
    fail(it)
    it.deploy("us", "2.0")
    for environment in ("eu", "us"):
        roll_back(it, environment)
    it.retry("us", "2.0")
    it.evaluate(0)
    it.deploy("us", "2.0")
    assert (it.status("us", "2.0"), it.runs("us"), it.runs("eu")) == (Status.SUCCESS, "2.0", "1.0")


@pytest.mark.parametrize("environment", ["eu", "us"])
def test_what_a_person_has_in_both_again_goes_together_again(environment: str) -> None:
    it = regions(*TOGETHER, failure_strategy="rollback", fail_on_incident=True)
    fail(it)
    roll_back(it, "eu")
    it.promote("us", "2.0")
    it.evaluate(0)
    it.deploy("us", "2.0")
    it.retry("eu", "2.0")
    it.evaluate(1)
    it.deploy("eu", "2.0")
    assert (it.runs("us"), it.runs("eu")) == ("2.0", "2.0")
    it.incident(environment)
    it.evaluate(1)
    assert {one: it.status(one, "2.0") for one in ("eu", "us")} == dict.fromkeys(("eu", "us"), Status.FAILED)


def test_a_full_group_names_the_busy_lanes() -> None:
    it = regions()
    assert it.reason("us", "2.0") == GroupFull(busy=("eu",), most=1, environments=("eu", "us"))


def test_the_rollback_of_another_module_holds_nothing_back() -> None:
    it = world(
        *REGIONS,
        parallel=(Parallel(environments=("eu", "us"), most=1),),
        services=[foo(artifacts=(FOO, BAR), failure_strategy="rollback")],
    )
    it.hold("pause", environment="us")
    for version, module in (("1.0", BAR), ("2.0", BAR), ("3.0", FOO)):
        it.publish(version, module=module, published=float(version))
        it.evaluate(1)
        it.deploy("dev", version)
        it.deploy("eu", version, "failed" if version == "2.0" else "succeeded")
        if version == "2.0":
            it.finish_rollback(next(one for one in it.deployments.values() if one.kind == "rollback"), "failed")
            it.evaluate(1)
    it.hold("pause", environment="us", lift=True)
    it.evaluate(1)
    assert it.status("us", "3.0") is Status.CREATED
