"""Gates that look at the world around: several jobs, soaks in trouble, other services, provenance, expressions."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.domain.evidence import Attestation, Evidence, Incident, Verification
from deploydb.domain.gates import Asked, judge
from deploydb.domain.promotions import (
    DependsOnPromotion,
    ExpressionPromotion,
    Promotion,
    ProvenancePromotion,
    SoakPromotion,
    VerificationPromotion,
    WebhookPromotion,
)
from deploydb.domain.state import Neighbour, Precedence, Status, Verdict
from tests.domain.given import SMOKE, SOAK, artifact, at, deployment, release

BOTH = VerificationPromotion(ident="tests", jobs=("unit", "load"))
DIGEST = "sha256:1"
KNOWN = replace(deployment(), release=replace(release(), artifact=artifact(digest=DIGEST)))


NOTHING = Evidence()


def report(job: str, outcome: str = "passed", *, minutes: float = 0, reason: str | None = None) -> Verification:
    return Verification(promotion=job, outcome=outcome, at=Precedence(at(minutes), "ci", job), reason=reason)


def incident(*, open: bool, minutes: float) -> Incident:  # noqa: A002
    return Incident(name="INC-7", open=open, at=Precedence(at(minutes), "ops", "1"), reason="5xx", event=9)


def ask(promotions: list[Promotion], evidence: Evidence = NOTHING, *, minutes: float = 1, **more: Any) -> list[Verdict]:
    known = more.pop("deployment", KNOWN)
    return list(judge(promotions, Asked(deployment=known, evidence=evidence, now=at(minutes), since=at(0), **more)))


def said(*reports: Verification, incidents: tuple[Incident, ...] = ()) -> Evidence:
    return Evidence(verifications=reports, incidents=incidents)


@pytest.mark.parametrize(
    ("reports", "outcome", "reason"),
    [
        ([], "PENDING", "waits for unit and load to report"),
        ([report("unit")], "PENDING", "waits for load to report"),
        ([report("unit"), report("load")], "PASS", "unit passed, load passed"),
        ([report("unit"), report("load", "failed", reason="p99")], "FAIL", "load failed: p99"),
        ([report("unit", "errored")], "ERROR", "unit could not tell; it may report again; waits for load to report"),
        ([report("load", "failed"), report("load", minutes=1), report("unit")], "PASS", "unit passed, load passed"),
        ([report("tests")], "PENDING", "waits for unit and load to report"),
    ],
)
def test_several_jobs_must_all_pass(reports: list[Verification], outcome: str, reason: str) -> None:
    (verdict,) = ask([BOTH], said(*reports))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("evidence", "minutes", "outcome", "reason"),
    [
        (said(), 1, "PENDING", "soaks once smoke passed"),
        (said(report("smoke", minutes=5)), 6, "PENDING", "soaks for 2h, until 2026-11-22 14:05:00 UTC"),
        (said(report("smoke", minutes=5)), 125, "PASS", "soak 2h met"),
        (said(report("smoke", minutes=-60)), 120, "PASS", "soak 2h met"),
        (
            said(report("smoke"), report("probe", "failed", minutes=60)),
            121,
            "PENDING",
            "soaks for 2h, until 2026-11-22 15:00:00 UTC, again since probe failed",
        ),
        (
            said(report("smoke"), incidents=(incident(open=True, minutes=60),)),
            121,
            "PENDING",
            "soaks once it is over: incident INC-7: 5xx",
        ),
        (
            said(report("smoke"), incidents=(incident(open=False, minutes=90),)),
            121,
            "PENDING",
            "soaks for 2h, until 2026-11-22 15:30:00 UTC, again since incident INC-7: 5xx was over",
        ),
        (said(report("smoke"), incidents=(incident(open=False, minutes=90),)), 210, "PASS", "soak 2h met"),
    ],
)
def test_a_soak_counts_from_the_verification_and_begins_again_after_trouble(
    evidence: Evidence, minutes: float, outcome: str, reason: str
) -> None:
    _, verdict = ask([SMOKE, SOAK], evidence, minutes=minutes)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def neighbour(version: str, status: Status = Status.SUCCESS, *, environment: str = "prod") -> Neighbour:
    return Neighbour(service="db", environment=environment, release=release(version), deployment=7, status=status)


@pytest.mark.parametrize(
    ("version", "runs", "outcome", "reason"),
    [
        (None, [], "PENDING", "waits for db in prod: nothing of it runs there"),
        (None, [neighbour("2.0", environment="dev")], "PENDING", "waits for db in prod: nothing of it runs there"),
        (None, [neighbour("2.0")], "PASS", "db in prod is at 2.0"),
        (None, [neighbour("2.0", Status.COMPLETED)], "PENDING", "waits for db in prod to succeed: 2.0 is COMPLETED"),
        (">=2.1,<3", [neighbour("2.0")], "PENDING", "waits for db in prod to be >=2.1,<3; it runs 2.0"),
        (">=2.1,<3", [neighbour("2.2")], "PASS", "db in prod is at 2.2"),
        (">=2.1,<3", [neighbour("nightly")], "PENDING", "waits for db in prod to be >=2.1,<3; it runs nightly"),
        ("nightly", [neighbour("nightly")], "PASS", "db in prod is at nightly"),
    ],
)
def test_another_service_must_run_with_success(
    version: str | None, runs: list[Neighbour], outcome: str, reason: str
) -> None:
    gate = DependsOnPromotion(ident="db", service="db", environment="prod", version=version)
    (verdict,) = ask([gate], neighbours=tuple(runs))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def attestation(signer: str = "cosign", kind: str = "signature", digest: str = DIGEST) -> Attestation:
    return Attestation(digest=digest, signer=signer, kind=kind, at=Precedence(at(0), "ci", signer), event=3)


@pytest.mark.parametrize(
    ("kinds", "given", "outcome", "reason"),
    [
        ((), [], "PENDING", "waits for an attestation of sha256:1 by cosign or notary"),
        ((), [attestation()], "PASS", "signed: attested by cosign (signature)"),
        (
            (),
            [attestation("mallory")],
            "PENDING",
            "waits for an attestation of sha256:1 by cosign or notary; mallory may not vouch for it",
        ),
        (
            (),
            [attestation(digest="sha256:2")],
            "PENDING",
            "waits for an attestation of sha256:1 by cosign or notary; there is one of another digest",
        ),
        (("slsa",), [attestation()], "PENDING", "waits for slsa of sha256:1 by cosign or notary"),
        (("slsa",), [attestation("notary", "slsa")], "PASS", "signed: attested by notary (slsa)"),
    ],
)
def test_somebody_who_may_must_vouch_for_the_file(
    kinds: tuple[str, ...], given: list[Attestation], outcome: str, reason: str
) -> None:
    gate = ProvenancePromotion(ident="signed", signers=("cosign", "notary"), kinds=kinds)
    (verdict,) = ask([gate], Evidence(attestations=tuple(given)))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_nobody_can_vouch_for_an_artifact_without_a_digest() -> None:
    gate = ProvenancePromotion(ident="signed", signers=("cosign",))
    (verdict,) = ask([gate], deployment=deployment())
    assert verdict.outcome == "FAIL"


def broken(_: Mapping[str, Any]) -> bool:
    raise ValueError("no such key: artifact.colour")


@pytest.mark.parametrize(
    ("rule", "outcome", "reason"),
    [
        (lambda it: it["artifact"]["version"] == "1.0", "PASS", "first holds: x"),
        (lambda it: it["environment"] == "prod", "PENDING", "waits for first to hold: x"),
        (broken, "ERROR", "first cannot be told: no such key: artifact.colour"),
        (lambda _: "error", "PENDING", "waits for first to hold: x"),
        (lambda _: 1 / 0, "ERROR", "first could not be evaluated: ZeroDivisionError: division by zero"),
    ],
)
def test_an_expression_must_be_true_and_what_breaks_blocks_and_says_so(rule: Any, outcome: str, reason: str) -> None:
    (verdict,) = ask([ExpressionPromotion(ident="first", expression="x", rule=rule)])
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert verdict.recheck_at == (None if outcome == "PASS" else at(2))


def test_a_gate_that_breaks_stops_no_other() -> None:
    gates = [ExpressionPromotion(ident="first", expression="x", rule=lambda _: 1 / 0), SMOKE]
    assert [one.outcome for one in ask(gates, said(report("smoke")))] == ["ERROR", "PASS"]


@pytest.mark.parametrize(
    ("reports", "outcome", "reason"),
    [
        ([], "PENDING", "waits for ready: http://example.com is being asked"),
        ([report("ready", "errored", reason="503")], "ERROR", "ready has no answer yet: 503; it is asked again"),
        ([report("ready", reason="200")], "PASS", "ready passed: 200"),
        ([report("ready", "failed", reason="503")], "FAIL", "ready failed: 503"),
    ],
)
def test_what_somebody_else_is_asked_comes_back_as_a_report(
    reports: list[Verification], outcome: str, reason: str
) -> None:
    (verdict,) = ask([WebhookPromotion(ident="ready", url="http://example.com")], said(*reports))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_a_soak_without_other_gates_counts_from_the_deployment() -> None:
    (verdict,) = ask([SoakPromotion(ident="soak", duration=timedelta(minutes=1))])
    assert verdict.outcome == "PASS"
