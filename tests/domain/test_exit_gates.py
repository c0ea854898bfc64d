"""What becomes of a deployment that runs, fails, is late, or is overtaken while it is verified: one story a rule."""

from datetime import timedelta

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import DeploymentTransitioned, VerdictChanged
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.admission_reasons import BeingVerified
from deploydb.domain.model.deployment import GateStatus, Status
from deploydb.domain.model.gate_reasons import (
    ApprovalDeferred,
    ApprovalRefused,
    AwaitingApproval,
    AwaitingJobs,
    JobsFailed,
    JobsPassed,
    Soaked,
)
from deploydb.domain.model.outcome_reasons import AttemptFailed, Replaced
from deploydb.domain.model.reason_parts import Comment, JobReport
from deploydb.domain.model.reasons import (
    AwaitingStages,
    ErrorResolved,
    FailedUpstream,
    GatesPassed,
    ReplacedUpstream,
    Several,
    StageReason,
)
from tests.domain.given import THREE, at, chain, foo
from tests.domain.scenario import world


def test_a_deployment_that_runs_is_verified_and_says_what_it_waits_for() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.COMPLETED, AwaitingJobs(missing=("smoke",)))
    it.verify("dev", "1.0")
    it.evaluate()
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (
        Status.SUCCESS,
        GatesPassed(reasons=(JobsPassed(reports=(JobReport(job="smoke"),)),)),
    )
    assert it.status("staging", "1.0") is Status.CREATED


def test_a_report_that_comes_before_the_deployment_has_finished_counts() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.verify("dev", "1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    assert it.status("dev", "1.0") is Status.SUCCESS


def test_every_change_of_a_verdict_is_a_decision_once() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.finish("dev", "1.0")
    changes = [one.verdict.outcome for one in it.evaluate().decisions if isinstance(one, VerdictChanged)]
    it.verify("dev", "1.0", outcome="errored")
    changes += [one.verdict.outcome for one in it.evaluate(1).decisions if isinstance(one, VerdictChanged)]
    changes += [one.verdict.outcome for one in it.evaluate(1).decisions if isinstance(one, VerdictChanged)]
    assert changes == [GateStatus.PENDING, GateStatus.ERROR]
    assert it.status("dev", "1.0") is Status.COMPLETED


def test_a_soak_is_looked_at_again_to_the_second() -> None:
    it = world(*chain("dev", "prod", dev=("soak",)))
    it.publish("1.0")
    it.evaluate()
    it.finish("dev", "1.0", when=at(-600))
    assert it.evaluate(10).recheck_at == at(120)
    assert it.evaluate(109).recheck_at == at(120)
    it.evaluate(1)
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (
        Status.SUCCESS,
        GatesPassed(reasons=(Soaked(promotion="soak", duration=timedelta(hours=2)),)),
    )


def test_people_are_asked_last() -> None:
    it = world(*chain("dev", "prod", dev=("manual", "smoke")))
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    assert it.reason("dev", "1.0") == Several(
        reasons=(ApprovalDeferred(unmet=("smoke",)), AwaitingJobs(missing=("smoke",)))
    )
    it.verify("dev", "1.0")
    it.evaluate()
    assert it.reason("dev", "1.0") == AwaitingApproval(missing=1)


def test_a_no_at_a_gate_fails_the_deployment_and_its_flow_waits_for_people() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.verify("dev", "1.0", outcome="failed")
    it.deploy("dev", "1.0")
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (
        Status.FAILED,
        JobsFailed(reports=(JobReport(job="smoke"),)),
    )
    assert it.reason("staging", "1.0") == AwaitingStages(
        environments=("dev",),
        all=True,
        failed=(StageReason(environment="dev", reason=JobsFailed(reports=(JobReport(job="smoke"),))),),
    )
    assert it.find("dev", "1.0").needs_evaluation


def test_a_later_report_resolves_a_failed_gate() -> None:
    it = world(services=[foo(promotions=("smoke", "manual"))])
    it.publish("1.0")
    it.evaluate()
    it.verify("dev", "1.0", outcome="failed")
    it.deploy("dev", "1.0")
    it.verify("dev", "1.0", outcome="passed")
    (resumed,) = [
        one for one in it.evaluate().decisions if isinstance(one, DeploymentTransitioned) and one.what == "resumed"
    ]
    assert resumed.reason == AwaitingApproval(missing=1)
    assert it.status("dev", "1.0") is Status.COMPLETED
    it.speak("dev", "1.0", "alice")
    it.evaluate()
    assert it.status("staging", "1.0") is Status.CREATED


def test_another_refusal_is_shown_in_the_place_of_the_first() -> None:
    it = world(services=[foo(promotions=("smoke", "manual"))])
    it.publish("1.0")
    it.evaluate()
    it.verify("dev", "1.0", outcome="failed")
    it.deploy("dev", "1.0")
    it.verify("dev", "1.0", outcome="passed")
    it.speak("dev", "1.0", "bob", given=False)
    it.evaluate()
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (
        Status.FAILED,
        ApprovalRefused(promotion="manual", refusals=(Comment(by="bob"),)),
    )


def test_a_failed_deployment_says_why_and_may_be_resolved_by_a_later_report() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.finish("dev", "1.0", "failed", reason="disk full")
    it.evaluate(1)
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.FAILED, AttemptFailed(text="disk full"))
    assert it.reason("staging", "1.0") == AwaitingStages(
        environments=("dev",),
        all=True,
        failed=(StageReason(environment="dev", reason=AttemptFailed(text="disk full")),),
    )
    assert it.runs("dev") is None
    it.finish("dev", "1.0")
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert it.status("staging", "1.0") is Status.CREATED


def test_a_failed_deployment_is_replaced_by_the_next_command_in_its_lane() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0", "failed")
    it.publish("1.1", published=1)
    it.evaluate()
    assert it.status("dev", "1.1") is Status.CREATED
    assert it.status("dev", "1.0") is Status.FAILED
    assert it.reason("prod", "1.0") == FailedUpstream(environment="dev", reason=AttemptFailed())
    assert not any(
        known.needs_evaluation for known in it.deployments.values() if known.release.artifact.version == "1.0"
    )


def test_a_newer_version_takes_the_place_of_one_that_is_being_verified_where_the_stage_says_so() -> None:
    it = world(*(replace(one, while_verifying="replace") for one in THREE), services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.publish("1.1", published=1)
    it.evaluate()
    assert it.status("dev", "1.1") is Status.CREATED
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.COMPLETED, Replaced(version="1.1"))
    assert (it.status("staging", "1.0"), it.reason("staging", "1.0")) == (
        Status.SKIPPED,
        ReplacedUpstream(environment="dev", reason=Replaced(version="1.1")),
    )
    it.verify("dev", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.COMPLETED


def test_where_a_stage_waits_the_newer_version_comes_after_the_verdict() -> None:
    it = world(*chain("dev", "prod", dev=("manual",)))
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.publish("1.1", published=1)
    it.evaluate()
    assert it.reason("dev", "1.1") == BeingVerified(version="1.0", deployment=it.find("dev", "1.0").id)
    it.speak("dev", "1.0", "alice")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert it.status("dev", "1.1") is Status.CREATED
    assert it.status("prod", "1.0") is Status.CREATED


def test_where_a_stage_waits_a_failure_lets_the_newer_version_in() -> None:
    for answer in ("refused", "failed"):
        it = world(*chain("dev", "prod", dev=("manual",)))
        it.publish("1.0")
        it.evaluate()
        it.deploy("dev", "1.0", "failed" if answer == "failed" else "succeeded")
        it.publish("1.1", published=1)
        it.speak("dev", "1.0", "bob", given=False)
        it.evaluate()
        assert it.status("dev", "1.0") is Status.FAILED
        assert it.status("dev", "1.1") is Status.CREATED


def test_the_stage_has_the_last_word_on_whether_a_newer_version_waits() -> None:
    (dev,) = chain("dev", dev=("soak",))
    for statement, status in ((None, "NOT_STARTED"), ("wait", "NOT_STARTED"), ("replace", "CREATED")):
        it = world(replace(dev, while_verifying=statement))
        it.publish("1.0")
        it.evaluate()
        it.deploy("dev", "1.0")
        it.publish("1.1", published=1)
        it.evaluate()
        assert it.status("dev", "1.1") == status


def test_a_job_that_only_errors_lets_the_lane_go_at_its_timeout_where_an_error_counts_as_failed() -> None:
    smoke = VerificationPromotion(ident="smoke", timeout=timedelta(hours=1), on_error="fail")
    (dev,) = chain("dev", dev=("smoke",))
    it = world(replace(dev, while_verifying="wait"), promotions=[smoke])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.verify("dev", "1.0", outcome="errored")
    it.publish("1.1", published=1)
    assert it.evaluate().recheck_at == at(60)
    assert it.status("dev", "1.1") is Status.NOT_STARTED
    it.evaluate(60)
    error = AwaitingJobs(errored=(JobReport(job="smoke"),))
    assert it.reason("dev", "1.0") == ErrorResolved(promotion="smoke", passed=False, error=error)
    assert it.status("dev", "1.1") is Status.CREATED
