"""The evidence about a deployment: reports of jobs, approvals, incidents, attestations.

Of each speaker the latest word by `(time, source, id)` is kept, so that their order of arrival does not matter.
"""

from typing import Literal

from msgspec import Struct

from deploydb.domain.model.latest_fact import LatestFact
from deploydb.domain.model.reason_parts import IncidentReport


class Verification(LatestFact, frozen=True, kw_only=True):
    """The latest report of one job on one deployment."""

    promotion: str
    outcome: Literal["passed", "failed", "errored"]
    reason: str | None = None
    url: str | None = None


class Approval(LatestFact, frozen=True, kw_only=True):
    """The latest word of one person on one deployment, for one manual promotion."""

    promotion: str
    by: str
    given: bool
    comment: str | None = None
    digest: str | None = None


class Incident(LatestFact, frozen=True, kw_only=True):
    """The latest that is known of one incident in a lane. `version`: the one in trouble; None: whatever runs."""

    name: str
    open: bool
    version: str | None = None
    reason: str | None = None
    url: str | None = None

    @property
    def report(self) -> IncidentReport:
        """The incident as part of a reason."""
        return IncidentReport(name=self.name, text=self.reason)


class Attestation(LatestFact, frozen=True, kw_only=True):
    """Somebody vouches for a digest."""

    digest: str
    signer: str
    kind: str
    url: str | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """The evidence about one deployment, its lane while it ran there, and its artifact."""

    verifications: tuple[Verification, ...] = ()
    approvals: tuple[Approval, ...] = ()
    incidents: tuple[Incident, ...] = ()
    attestations: tuple[Attestation, ...] = ()
