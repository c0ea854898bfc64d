"""The evidence about a deployment: reports of jobs, approvals, incidents, attestations.

Of each speaker the latest word by `(time, source, id)` is kept, so that their order of arrival does not matter.
`event` is the number of the log row that says it.
"""

from typing import Literal

from msgspec import Struct

from deploydb.domain.model import facts
from deploydb.domain.model.deployment import FactOrder, fact_order
from deploydb.domain.model.reason_parts import IncidentReport


class Verification(Struct, frozen=True, kw_only=True):
    """The latest report of one job on one deployment."""

    promotion: str
    outcome: Literal["passed", "failed", "errored"]
    at: FactOrder
    reason: str | None = None
    url: str | None = None
    event: int | None = None

    @classmethod
    def of(cls, fact: facts.VerificationFinished) -> "Verification":
        """What the fact reports."""
        return cls(
            promotion=fact.promotion, outcome=fact.outcome, at=fact_order(fact), reason=fact.reason, url=fact.url
        )


class Approval(Struct, frozen=True, kw_only=True):
    """The latest word of one person on one deployment, for one manual promotion."""

    promotion: str
    by: str
    given: bool
    at: FactOrder
    comment: str | None = None
    digest: str | None = None
    event: int | None = None

    @classmethod
    def of(cls, fact: facts.ApprovalGiven | facts.ApprovalRefused) -> "Approval":
        """What the fact says."""
        given = isinstance(fact, facts.ApprovalGiven)
        return cls(
            promotion=fact.promotion,
            by=fact.by,
            given=given,
            at=fact_order(fact),
            comment=fact.comment,
            digest=fact.digest,
        )


class Incident(Struct, frozen=True, kw_only=True):
    """The latest that is known of one incident in a lane. `version`: the one in trouble; None: whatever runs."""

    name: str
    open: bool
    at: FactOrder
    version: str | None = None
    reason: str | None = None
    event: int | None = None

    @classmethod
    def of(cls, fact: facts.IncidentDetected | facts.IncidentResolved) -> "Incident":
        """What the fact says."""
        return cls(
            name=fact.incident or "",
            open=isinstance(fact, facts.IncidentDetected),
            at=fact_order(fact),
            version=fact.version,
            reason=fact.reason,
        )

    @property
    def report(self) -> IncidentReport:
        """The incident as part of a reason."""
        return IncidentReport(name=self.name, text=self.reason)


class Attestation(Struct, frozen=True, kw_only=True):
    """Somebody vouches for a digest."""

    digest: str
    signer: str
    kind: str
    at: FactOrder
    event: int | None = None

    @classmethod
    def of(cls, fact: facts.ArtifactAttested) -> "Attestation":
        """What the fact says."""
        return cls(digest=fact.artifact.digest or "", signer=fact.signer, kind=fact.kind, at=fact_order(fact))


class Evidence(Struct, frozen=True, kw_only=True):
    """The evidence about one deployment, its lane while it ran there, and its artifact."""

    verifications: tuple[Verification, ...] = ()
    approvals: tuple[Approval, ...] = ()
    incidents: tuple[Incident, ...] = ()
    attestations: tuple[Attestation, ...] = ()
