"""Gates that look at the world around: several jobs, soaks in trouble, other services, provenance, expressions."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.gates.expression import ExpressionPromotion
from deploydb.domain.gates.provenance import ProvenancePromotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.deployment import FactOrder, Status
from deploydb.domain.model.evidence import Attestation, Evidence, Incident, Verification
from deploydb.domain.model.gate_reasons import (
    Attested,
    AwaitingAttestation,
    AwaitingJobs,
    CheckRunning,
    CheckUnanswered,
    DependencyMet,
    DependencyMissing,
    DependencyUnverified,
    DependencyVersion,
    ExpressionFalse,
    ExpressionTrue,
    ExpressionUnknown,
    GateBroken,
    JobsFailed,
    JobsPassed,
    ReleaseStatus,
    Signature,
    Soaked,
    SoakIncident,
    Soaking,
    SoakUnverified,
)
from deploydb.domain.model.reason_parts import IncidentReport, JobReport
from deploydb.domain.model.running import DependencyState
from tests.domain.gate_steps import DIGEST, ask, evidence_of, report
from tests.domain.given import SMOKE, SOAK, at, deployment, release

BOTH = VerificationPromotion(ident="tests", jobs=("unit", "load"))


def incident(*, open: bool, minutes: float) -> Incident:  # noqa: A002
    return Incident(name="INC-7", open=open, at=FactOrder(at(minutes), "ops", "1"), reason="5xx", event=9)


@pytest.mark.parametrize(
    ("reports", "outcome", "reason"),
    [
        ([], "PENDING", AwaitingJobs(missing=("unit", "load"))),
        ([report("unit")], "PENDING", AwaitingJobs(missing=("load",))),
        ([report("unit"), report("load")], "PASS", JobsPassed(reports=(JobReport(job="unit"), JobReport(job="load")))),
        (
            [report("unit"), report("load", "failed", reason="p99")],
            "FAIL",
            JobsFailed(reports=(JobReport(job="load", text="p99"),)),
        ),
        ([report("unit", "errored")], "ERROR", AwaitingJobs(missing=("load",), errored=(JobReport(job="unit"),))),
        (
            [report("load", "failed"), report("load", minutes=1), report("unit")],
            "PASS",
            JobsPassed(reports=(JobReport(job="unit"), JobReport(job="load"))),
        ),
        ([report("tests")], "PENDING", AwaitingJobs(missing=("unit", "load"))),
    ],
)
def test_several_jobs_must_all_pass(reports: list[Verification], outcome: str, reason: str) -> None:
    (verdict,) = ask([BOTH], evidence_of(*reports))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("evidence", "minutes", "outcome", "reason"),
    [
        (evidence_of(), 1, "PENDING", SoakUnverified(unmet=("smoke",))),
        (evidence_of(report("smoke", minutes=5)), 6, "PENDING", Soaking(duration=timedelta(hours=2), until=at(125))),
        (evidence_of(report("smoke", minutes=5)), 125, "PASS", Soaked(promotion="soak", duration=timedelta(hours=2))),
        (evidence_of(report("smoke", minutes=-60)), 120, "PASS", Soaked(promotion="soak", duration=timedelta(hours=2))),
        (
            evidence_of(report("smoke"), report("probe", "failed", minutes=60)),
            121,
            "PENDING",
            Soaking(duration=timedelta(hours=2), until=at(180), after_job="probe"),
        ),
        (
            evidence_of(report("smoke"), incidents=(incident(open=True, minutes=60),)),
            121,
            "PENDING",
            SoakIncident(incidents=(IncidentReport(name="INC-7", text="5xx"),)),
        ),
        (
            evidence_of(report("smoke"), incidents=(incident(open=False, minutes=90),)),
            121,
            "PENDING",
            Soaking(
                duration=timedelta(hours=2), until=at(210), after_incident=IncidentReport(name="INC-7", text="5xx")
            ),
        ),
        (
            evidence_of(report("smoke"), incidents=(incident(open=False, minutes=90),)),
            210,
            "PASS",
            Soaked(promotion="soak", duration=timedelta(hours=2)),
        ),
    ],
)
def test_a_soak_counts_from_the_verification_and_begins_again_after_trouble(
    evidence: Evidence, minutes: float, outcome: str, reason: str
) -> None:
    _, verdict = ask([SMOKE, SOAK], evidence, minutes=minutes)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def neighbour(version: str, status: Status = Status.SUCCESS, *, environment: str = "prod") -> DependencyState:
    return DependencyState(service="db", environment=environment, release=release(version), deployment=7, status=status)


@pytest.mark.parametrize(
    ("version", "runs", "outcome", "reason"),
    [
        (None, [], "PENDING", DependencyMissing(service="db", environment="prod")),
        (None, [neighbour("2.0", environment="dev")], "PENDING", DependencyMissing(service="db", environment="prod")),
        (None, [neighbour("2.0")], "PASS", DependencyMet(service="db", environment="prod", running=("2.0",))),
        (
            None,
            [neighbour("2.0", Status.COMPLETED)],
            "PENDING",
            DependencyUnverified(
                service="db", environment="prod", running=(ReleaseStatus(version="2.0", status="COMPLETED"),)
            ),
        ),
        (
            ">=2.1,<3",
            [neighbour("2.0")],
            "PENDING",
            DependencyVersion(service="db", environment="prod", version=">=2.1,<3", running=("2.0",)),
        ),
        (">=2.1,<3", [neighbour("2.2")], "PASS", DependencyMet(service="db", environment="prod", running=("2.2",))),
        (
            ">=2.1,<3",
            [neighbour("nightly")],
            "PENDING",
            DependencyVersion(service="db", environment="prod", version=">=2.1,<3", running=("nightly",)),
        ),
        (
            "nightly",
            [neighbour("nightly")],
            "PASS",
            DependencyMet(service="db", environment="prod", running=("nightly",)),
        ),
    ],
)
def test_another_service_must_run_with_success(
    version: str | None, runs: list[DependencyState], outcome: str, reason: str
) -> None:
    gate = DependsOnPromotion(ident="db", service="db", environment="prod", version=version)
    (verdict,) = ask([gate], neighbours=tuple(runs))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def attestation(signer: str = "cosign", kind: str = "signature", digest: str = DIGEST) -> Attestation:
    return Attestation(digest=digest, signer=signer, kind=kind, at=FactOrder(at(0), "ci", signer), event=3)


@pytest.mark.parametrize(
    ("kinds", "given", "outcome", "reason"),
    [
        ((), [], "PENDING", AwaitingAttestation(digest="sha256:1", signers=("cosign", "notary"))),
        (
            (),
            [attestation()],
            "PASS",
            Attested(promotion="signed", signatures=(Signature(signer="cosign", kind="signature"),)),
        ),
        (
            (),
            [attestation("mallory")],
            "PENDING",
            AwaitingAttestation(digest="sha256:1", signers=("cosign", "notary"), strangers=("mallory",)),
        ),
        (
            (),
            [attestation(digest="sha256:2")],
            "PENDING",
            AwaitingAttestation(digest="sha256:1", signers=("cosign", "notary"), other_digest=True),
        ),
        (
            ("slsa",),
            [attestation()],
            "PENDING",
            AwaitingAttestation(digest="sha256:1", signers=("cosign", "notary"), kinds=("slsa",)),
        ),
        (
            ("slsa",),
            [attestation("notary", "slsa")],
            "PASS",
            Attested(promotion="signed", signatures=(Signature(signer="notary", kind="slsa"),)),
        ),
    ],
)
def test_somebody_who_may_must_vouch_for_the_file(
    kinds: tuple[str, ...], given: list[Attestation], outcome: str, reason: str
) -> None:
    gate = ProvenancePromotion(ident="signed", signers=("cosign", "notary"), kinds=kinds)
    (verdict,) = ask([gate], Evidence(attestations=tuple(given)))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_no_attestation_is_for_an_artifact_without_a_digest() -> None:
    gate = ProvenancePromotion(ident="signed", signers=("cosign",))
    (verdict,) = ask([gate], deployment=deployment())
    assert verdict.outcome == "FAIL"


def broken(_: Mapping[str, Any]) -> bool:
    raise ValueError("no such key: artifact.colour")


@pytest.mark.parametrize(
    ("rule", "outcome", "reason"),
    [
        (lambda it: it["artifact"]["version"] == "1.0", "PASS", ExpressionTrue(promotion="first", expression="x")),
        (lambda it: it["environment"] == "prod", "PENDING", ExpressionFalse(promotion="first", expression="x")),
        (broken, "ERROR", ExpressionUnknown(promotion="first", error="no such key: artifact.colour")),
        (lambda _: "error", "PENDING", ExpressionFalse(promotion="first", expression="x")),
        (lambda _: 1 / 0, "ERROR", GateBroken(promotion="first", error="ZeroDivisionError: division by zero")),
    ],
)
def test_an_expression_must_be_true_and_what_breaks_blocks_and_says_so(rule: Any, outcome: str, reason: str) -> None:
    (verdict,) = ask([ExpressionPromotion(ident="first", expression="x", rule=rule)])
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert verdict.recheck_at == (None if outcome == "PASS" else at(2))


@pytest.mark.parametrize(
    ("reports", "outcome", "reason"),
    [
        ([], "PENDING", CheckRunning(promotion="ready", url="http://example.com")),
        ([report("ready", "errored", reason="503")], "ERROR", CheckUnanswered(promotion="ready", text="503")),
        ([report("ready", reason="200")], "PASS", JobsPassed(reports=(JobReport(job="ready", text="200"),))),
        ([report("ready", "failed", reason="503")], "FAIL", JobsFailed(reports=(JobReport(job="ready", text="503"),))),
    ],
)
def test_what_somebody_else_is_asked_comes_back_as_a_report(
    reports: list[Verification], outcome: str, reason: str
) -> None:
    (verdict,) = ask([WebhookPromotion(ident="ready", url="http://example.com")], evidence_of(*reports))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_a_soak_without_other_gates_counts_from_the_deployment() -> None:
    (verdict,) = ask([SoakPromotion(ident="soak", duration=timedelta(minutes=1))])
    assert verdict.outcome == "PASS"
