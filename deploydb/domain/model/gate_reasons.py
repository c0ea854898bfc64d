"""Reasons of verdicts: one struct a case, its tag is the stable code, its fields are the parameters.

`promotion` is a parameter where the text names it. Texts of people and tools are kept to the letter.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from deploydb.domain.calendar.window import Window
from deploydb.domain.model.reason_parts import Comment, IncidentReport, JobReport, ReasonCase, UncountedVote


class ReleaseStatus(Struct, frozen=True, kw_only=True):
    """A version and its status in a lane."""

    version: str
    status: str


class Signature(Struct, frozen=True, kw_only=True):
    """An attestation: its signer and its kind."""

    signer: str
    kind: str


class GateBroken(ReasonCase, frozen=True, kw_only=True, tag="gate_broken"):
    """The gate's evaluation raised an error."""

    promotion: str
    error: str


class CustomReason(ReasonCase, frozen=True, kw_only=True, tag="custom"):
    """A reason of a gate of its own: it is stored, read and rendered without the gate. `name`: its stable code;
    `text`: with the names of `values` in braces."""

    name: str
    text: str
    values: dict[str, str | int | float | bool | None]


class AwaitingApproval(ReasonCase, frozen=True, kw_only=True, tag="awaiting_approval"):
    """Approvals are missing. `groups`: whose members can give them; `approved_by`: people who have approved."""

    missing: int
    groups: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()
    uncounted: tuple[UncountedVote, ...] = ()


def asks(before: object, now: object) -> bool:
    """Whether people begin to be awaited by the reason of now, or others than before, or more of them."""
    if not isinstance(now, AwaitingApproval) or not isinstance(before, AwaitingApproval):
        return isinstance(now, AwaitingApproval)
    others = bool(before.groups) and (not now.groups or not set(now.groups) <= set(before.groups))
    return others or now.missing > before.missing


class ApprovalDeferred(ReasonCase, frozen=True, kw_only=True, tag="approval_deferred"):
    """People are asked once the other gates have passed."""

    unmet: tuple[str, ...]


class ApprovalTimedOut(ReasonCase, frozen=True, kw_only=True, tag="approval_timed_out"):
    """Approvals were still missing at the end of the timeout."""

    promotion: str
    timeout: timedelta
    awaiting: AwaitingApproval


class Approved(ReasonCase, frozen=True, kw_only=True, tag="approved"):
    """Enough people approved."""

    by: tuple[str, ...]


class ApprovalRefused(ReasonCase, frozen=True, kw_only=True, tag="approval_refused"):
    """A person refused."""

    promotion: str
    refusals: tuple[Comment, ...]


class Soaked(ReasonCase, frozen=True, kw_only=True, tag="soaked"):
    """The soak is over."""

    promotion: str
    duration: timedelta


class Soaking(ReasonCase, frozen=True, kw_only=True, tag="soaking"):
    """The soak ends at `until`. It counts again since a job failed, or since an incident was over."""

    duration: timedelta
    until: datetime
    after_job: str | None = None
    after_incident: IncidentReport | None = None


class SoakNotLive(ReasonCase, frozen=True, kw_only=True, tag="soak_not_live"):
    """The soak begins once the version runs."""


class SoakUnverified(ReasonCase, frozen=True, kw_only=True, tag="soak_unverified"):
    """The soak begins once the verifying gates have passed."""

    unmet: tuple[str, ...]


class SoakIncident(ReasonCase, frozen=True, kw_only=True, tag="soak_incident"):
    """The soak begins once the incidents are over."""

    incidents: tuple[IncidentReport, ...]


class WindowOpen(ReasonCase, frozen=True, kw_only=True, tag="window_open"):
    """The window is open. `until` None: it does not close in sight."""

    promotion: str
    zone: str
    until: datetime | None = None


class WindowClosed(ReasonCase, frozen=True, kw_only=True, tag="window_closed"):
    """The window is closed: by deny windows (`denied`), or outside of its allow windows. `windows`: the first of them,
    `count`: how many there are. `opens_at` None: not within two years."""

    promotion: str
    zone: str
    denied: bool
    windows: tuple[Window, ...]
    count: int
    opens_at: datetime | None = None


class DependencyMissing(ReasonCase, frozen=True, kw_only=True, tag="dependency_missing"):
    """Nothing of the other service runs there."""

    service: str
    environment: str
    version: str | None = None


class DependencyVersion(ReasonCase, frozen=True, kw_only=True, tag="dependency_version"):
    """The other service runs other versions than the wanted one."""

    service: str
    environment: str
    version: str | None
    running: tuple[str, ...]


class DependencyUnverified(ReasonCase, frozen=True, kw_only=True, tag="dependency_unverified"):
    """The other service's version has not succeeded there."""

    service: str
    environment: str
    running: tuple[ReleaseStatus, ...]


class DependencyMet(ReasonCase, frozen=True, kw_only=True, tag="dependency_met"):
    """The other service runs a wanted version with success."""

    service: str
    environment: str
    running: tuple[str, ...]


class ExpressionTrue(ReasonCase, frozen=True, kw_only=True, tag="expression_true"):
    """The expression is true."""

    promotion: str
    expression: str


class ExpressionFalse(ReasonCase, frozen=True, kw_only=True, tag="expression_false"):
    """The expression is false now."""

    promotion: str
    expression: str


class ExpressionUnknown(ReasonCase, frozen=True, kw_only=True, tag="expression_unknown"):
    """The expression cannot be evaluated."""

    promotion: str
    error: str


class DigestMissing(ReasonCase, frozen=True, kw_only=True, tag="digest_missing"):
    """The artifact has no digest that could be attested."""

    promotion: str


class Attested(ReasonCase, frozen=True, kw_only=True, tag="attested"):
    """The artifact's digest is attested."""

    promotion: str
    signatures: tuple[Signature, ...]


class AwaitingAttestation(ReasonCase, frozen=True, kw_only=True, tag="awaiting_attestation"):
    """Attestations are missing. `kinds`: which; `strangers`: signers who do not count; `other_digest`: a signer
    attested another digest."""

    digest: str
    signers: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    other_digest: bool = False


class JobsPassed(ReasonCase, frozen=True, kw_only=True, tag="jobs_passed"):
    """Each job reported success."""

    reports: tuple[JobReport, ...]


class JobsFailed(ReasonCase, frozen=True, kw_only=True, tag="jobs_failed"):
    """At least one job reported failure."""

    reports: tuple[JobReport, ...]


class AwaitingJobs(ReasonCase, frozen=True, kw_only=True, tag="awaiting_jobs"):
    """Jobs have not reported (`missing`), or could not answer (`errored`)."""

    missing: tuple[str, ...] = ()
    errored: tuple[JobReport, ...] = ()


class JobsTimedOut(ReasonCase, frozen=True, kw_only=True, tag="jobs_timed_out"):
    """Jobs had not answered at the end of the timeout. `errored`: in old rows only."""

    timeout: timedelta
    missing: tuple[str, ...] = ()
    errored: tuple[JobReport, ...] = ()


class CheckRunning(ReasonCase, frozen=True, kw_only=True, tag="check_running"):
    """The first answer of a check is awaited."""

    promotion: str
    url: str


class CheckPending(ReasonCase, frozen=True, kw_only=True, tag="check_pending"):
    """The check has an answer that is not the wanted one yet; it runs again."""

    promotion: str
    text: str | None = None


class CheckUnanswered(ReasonCase, frozen=True, kw_only=True, tag="check_unanswered"):
    """The check has no answer yet; it runs again."""

    promotion: str
    text: str | None = None


class IncidentOpen(ReasonCase, frozen=True, kw_only=True, tag="incident_open"):
    """Incidents are open in the lane."""

    incidents: tuple[IncidentReport, ...]


class IncidentOver(ReasonCase, frozen=True, kw_only=True, tag="incident_over"):
    """No incident is open any more."""


ApprovalReason = AwaitingApproval | ApprovalDeferred | ApprovalTimedOut | Approved | ApprovalRefused
SoakReason = Soaked | Soaking | SoakNotLive | SoakUnverified | SoakIncident
WindowReason = WindowOpen | WindowClosed
DependencyReason = DependencyMissing | DependencyVersion | DependencyUnverified | DependencyMet
ExpressionReason = ExpressionTrue | ExpressionFalse | ExpressionUnknown
ProvenanceReason = DigestMissing | Attested | AwaitingAttestation
JobReason = JobsPassed | JobsFailed | AwaitingJobs | JobsTimedOut | CheckRunning | CheckPending | CheckUnanswered
IncidentReason = IncidentOpen | IncidentOver

_OfPeopleAndTime = GateBroken | CustomReason | ApprovalReason | SoakReason | WindowReason
_OfOthers = DependencyReason | ExpressionReason | ProvenanceReason | JobReason | IncidentReason
GateReason = _OfPeopleAndTime | _OfOthers
"""Every reason of a verdict, but those of holds."""
