"""The evidence of a snapshot, and what is assumed after it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.model.deployment import Deployment, FactOrder
from deploydb.domain.model.evidence import Evidence, Verification
from deploydb.engine.statements import Attestations, Statements

LAST = "\U0010ffff"
"""A source after every other: of two reports of one time the assumed one counts."""


class AssumedEvidence(Statements):
    """Reports and ends of incidents that are assumed, beside the evidence of a snapshot."""

    def __init__(self, evidence: Mapping[int, Evidence]) -> None:
        super().__init__()
        self._evidence = dict(evidence)

    def evidence(self, known: Deployment, _attestations: Attestations) -> Evidence | None:
        """All that is about a deployment; None where there is nothing."""
        return self._evidence.get(known.id)

    def add_passed(self, deployment: int, jobs: Collection[str], now: datetime) -> None:
        """Assume that jobs report now that they passed, after all that they have reported."""
        before = self._evidence.get(deployment, Evidence())
        last = {one.promotion: one.at.time for one in sorted(before.verifications, key=lambda one: one.at)}
        kept = [report for report in before.verifications if report.promotion not in jobs]
        kept += [
            Verification(promotion=job, outcome="passed", at=FactOrder(max(now, last.get(job, now)), LAST, ""))
            for job in jobs
        ]
        self._evidence[deployment] = replace(before, verifications=tuple(kept))

    def resolve(self, deployments: Collection[Deployment], name: str, now: datetime) -> None:
        """Assume that an incident is over now, for the deployments of its lane."""
        for deployment in deployments:
            before = self._evidence.get(deployment.id, Evidence())
            incidents = tuple(
                replace(one, open=False, recorded_at=None, at=FactOrder(max(now, one.at.time), LAST, ""))
                if one.name == name and one.open
                else one
                for one in before.incidents
            )
            self._evidence[deployment.id] = replace(before, incidents=incidents)
