"""The text of each reason of a gate."""

from datetime import timedelta

from deploydb.domain.calendar.window import Window
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model import reason_parts as parts
from tests.domain.given import at

GATE_TEXTS = [
    (
        gate.GateBroken(promotion="first", error="ZeroDivisionError: division by zero"),
        "first could not be evaluated: ZeroDivisionError: division by zero",
    ),
    (
        gate.CustomReason(name="too_new", text="is new: {left} of {days}, {other}", values={"left": "1h", "days": 2}),
        "is new: 1h of 2, {other}",
    ),
    (gate.AwaitingApproval(missing=1), "waits for 1 approval"),
    (gate.ApprovalDeferred(unmet=("smoke",)), "people are asked once smoke passed"),
    (
        gate.ApprovalTimedOut(promotion="go", timeout=timedelta(hours=1), awaiting=gate.AwaitingApproval(missing=1)),
        "go was not approved within 1h: waits for 1 approval",
    ),
    (gate.Approved(by=("ci",)), "approved by ci"),
    (gate.ApprovalRefused(promotion="go", refusals=(parts.Comment(by="sue"),)), "go refused by sue"),
    (gate.Soaked(promotion="soak", duration=timedelta(hours=2)), "soak 2h met"),
    (gate.Soaking(duration=timedelta(hours=2), until=at(125)), "soaks for 2h, until 2026-11-22 14:05:00 UTC"),
    (gate.SoakNotLive(), "soaks once it runs"),
    (gate.SoakUnverified(unmet=("smoke",)), "soaks once smoke passed"),
    (
        gate.SoakIncident(incidents=(parts.IncidentReport(name="INC-7", text="5xx"),)),
        "soaks once it is over: incident INC-7: 5xx",
    ),
    (
        gate.WindowOpen(promotion="hours", zone="UTC", until=at(300)),
        "hours is open until 17:00 Sunday 22 Nov 2026 (UTC)",
    ),
    (
        gate.WindowClosed(
            promotion="hours", zone="UTC", denied=True, windows=(Window(days=(4,)),), count=1, opens_at=at(720)
        ),
        "hours is closed by the deny window Fri; opens 00:00 Monday 23 Nov 2026 (UTC)",
    ),
    (gate.DependencyMissing(service="db", environment="prod"), "waits for db in prod: nothing of it runs there"),
    (
        gate.DependencyVersion(service="db", environment="prod", version=">=2.1,<3", running=("2.0",)),
        "waits for db in prod to be >=2.1,<3; it runs 2.0",
    ),
    (
        gate.DependencyUnverified(
            service="db", environment="prod", running=(gate.ReleaseStatus(version="2.0", status="COMPLETED"),)
        ),
        "waits for db in prod to succeed: 2.0 is COMPLETED",
    ),
    (gate.DependencyMet(service="db", environment="prod", running=("2.0",)), "db in prod is at 2.0"),
    (gate.ExpressionTrue(promotion="first", expression="x"), "first holds: x"),
    (gate.ExpressionFalse(promotion="first", expression="x"), "waits for first to hold: x"),
    (
        gate.ExpressionUnknown(promotion="first", error="no such key: artifact.colour"),
        "first is unknown: no such key: artifact.colour",
    ),
    (
        gate.DigestMissing(promotion="signed"),
        "signed: the artifact was published without a digest, so it cannot be attested",
    ),
    (
        gate.Attested(promotion="signed", signatures=(gate.Signature(signer="notary", kind="slsa"),)),
        "signed: attested by notary (slsa)",
    ),
    (
        gate.AwaitingAttestation(digest="sha256:1", signers=("cosign", "notary")),
        "waits for an attestation of sha256:1 by cosign or notary",
    ),
    (gate.JobsPassed(reports=(parts.JobReport(job="smoke"),)), "smoke passed"),
    (gate.JobsFailed(reports=(parts.JobReport(job="smoke"),)), "smoke failed"),
    (gate.AwaitingJobs(missing=("load",)), "waits for load to report"),
    (gate.JobsTimedOut(timeout=timedelta(hours=1), missing=("smoke",)), "smoke did not answer within 1h"),
    (
        gate.CheckRunning(promotion="ready", url="http://example.com"),
        "waits for ready: http://example.com is being asked",
    ),
    (gate.CheckPending(promotion="ready", text="404, expected 200"), "ready: not yet: 404, expected 200"),
    (gate.CheckUnanswered(promotion="ready", text="503"), "ready has no answer yet: 503; it is asked again"),
    (
        gate.IncidentOpen(incidents=(parts.IncidentReport(name="INC-1", text="5xx"), parts.IncidentReport())),
        "incident INC-1: 5xx; an incident",
    ),
    (gate.IncidentOver(), "no incident is open"),
]
