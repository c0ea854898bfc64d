"""Steps of the tests of gates: what gates say of a version, on evidence."""

from typing import Any

from msgspec.structs import replace

from deploydb.domain.gates import GateContext, judge
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.deployment import FactOrder, Verdict
from deploydb.domain.model.evidence import Evidence, Incident, Verification
from tests.domain.given import artifact, at, deployment, release

DIGEST = "sha256:1"
KNOWN = replace(deployment(), release=replace(release(), artifact=artifact(digest=DIGEST)))
NOTHING = Evidence()


def report(job: str, outcome: str = "passed", *, minutes: float = 0, reason: str | None = None) -> Verification:
    return Verification(promotion=job, outcome=outcome, at=FactOrder(at(minutes), "ci", job), reason=reason)


def evidence_of(*reports: Verification, incidents: tuple[Incident, ...] = ()) -> Evidence:
    return Evidence(verifications=reports, incidents=incidents)


def ask(promotions: list[Promotion], evidence: Evidence = NOTHING, *, minutes: float = 1, **more: Any) -> list[Verdict]:
    known = more.pop("deployment", KNOWN)
    return list(
        judge(promotions, GateContext(deployment=known, evidence=evidence, now=at(minutes), since=at(0), **more))
    )
