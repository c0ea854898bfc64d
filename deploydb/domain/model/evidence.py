"""The evidence about a deployment: reports of jobs, approvals, incidents, attestations.

Of each speaker the latest word by `(time, source, id)` is kept, so that their order of arrival does not matter.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.latest_fact import LatestFact
from deploydb.domain.model.reason_parts import IncidentReport


class Verification(LatestFact, frozen=True, kw_only=True):
    """The latest report of one job on one deployment. `recorded_at`: by our clock; None: of an older DeployDB."""

    promotion: str
    outcome: Literal["passed", "failed", "errored", "pending"]
    reason: str | None = None
    url: str | None = None
    recorded_at: datetime | None = None

    @property
    def known_at(self) -> datetime:
        """From when on it counts for a clock: no source can backdate that."""
        return max(self.at.time, self.recorded_at or self.at.time)


class Approval(LatestFact, frozen=True, kw_only=True):
    """The latest word of one person on one deployment, for one manual promotion. `recorded_at`: as of a report."""

    promotion: str
    by: str
    given: bool
    comment: str | None = None
    digest: str | None = None
    recorded_at: datetime | None = None

    @property
    def known_at(self) -> datetime:
        """When it was known."""
        return self.recorded_at or self.at.time


class Incident(LatestFact, frozen=True, kw_only=True):
    """A report of an incident in a lane, or what its reports add up to (`incident_of`).

    `version`: the one in trouble; None: the one that ran when the incident began. `began_at`: its first detection since
    it was last over; None for a single report, and of a row of an older DeployDB. `event`, `recorded_at`: of the report
    by which it began, or is over.
    """

    name: str
    open: bool
    version: str | None = None
    reason: str | None = None
    url: str | None = None
    began_at: datetime | None = None
    recorded_at: datetime | None = None

    @property
    def since(self) -> datetime:
        """When it began."""
        return self.began_at or self.at.time

    @property
    def known_at(self) -> datetime:
        """When its beginning, or its end, was known: no source can backdate that."""
        return self.recorded_at or self.at.time

    @property
    def report(self) -> IncidentReport:
        """The incident as part of a reason."""
        return IncidentReport(name=self.name, text=self.reason)


def incidents_of(reports: Iterable[Incident]) -> list[Incident]:
    """The incidents among the reports under one name in a lane, in their order, whatever that of the reports.

    Detected again before it is over, it is the same incident. The last detection that names a version says which one is
    in trouble; a resolution never does, and its first report counts.
    """
    found: list[Incident] = []
    for report in sorted(reports, key=lambda one: one.at):
        last = found[-1] if found else None
        if last is None or (report.open and not last.open):
            found.append(replace(report, began_at=report.at.time if report.open else None))
        elif report.open:
            named = {name: getattr(report, name) or getattr(last, name) for name in ("version", "reason", "url")}
            found[-1] = replace(last, at=report.at, **named)
        elif last.open:
            found[-1] = replace(report, version=last.version, began_at=last.began_at)
        else:
            found[-1] = replace(last, at=report.at)
    return found


def incident_of(reports: Iterable[Incident]) -> Incident | None:
    """The last incident among the reports under one name in a lane; None where there is none."""
    found = incidents_of(reports)
    return found[-1] if found else None


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
