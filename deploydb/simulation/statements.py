"""The evidence on a service's deployments and lanes up to now in a replay: the latest of each publisher."""

from collections import defaultdict
from collections.abc import Mapping

from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.evidence import Approval, Attestation, Evidence, Incident, Verification

Attestations = Mapping[tuple[str, str], tuple[Attestation, ...]]
"""The attestations of an artifact, by its module and version."""


class Statements:
    """Reports, approvals and incidents. Each method that takes one returns whether it is newer."""

    def __init__(self) -> None:
        self._reports: dict[int, dict[str, Verification]] = defaultdict(dict)
        self._words: dict[int, dict[tuple[str, str], Approval]] = defaultdict(dict)
        self._incidents: dict[tuple[str, str], Incident] = {}

    def report(self, deployment: int, report: Verification) -> bool:
        """A job's report on a deployment."""
        before = self._reports[deployment].get(report.promotion)
        if before is not None and before.at >= report.at:
            return False
        self._reports[deployment][report.promotion] = report
        return True

    def approve(self, deployment: int, approval: Approval) -> bool:
        """A person's approval or refusal of a deployment."""
        before = self._words[deployment].get((approval.promotion, approval.by))
        if before is not None and before.at >= approval.at:
            return False
        self._words[deployment][approval.promotion, approval.by] = approval
        return True

    def trouble(self, environment: str, incident: Incident) -> bool:
        """An incident that begins or is over."""
        before = self._incidents.get((environment, incident.name))
        if before is not None and before.at >= incident.at:
            return False
        self._incidents[environment, incident.name] = incident
        return True

    def evidence(self, known: Deployment, attestations: Attestations) -> Evidence | None:
        """All that is about a deployment; None where there is nothing."""
        artifact = known.release.artifact
        incidents = tuple(
            one
            for (environment, _), one in self._incidents.items()
            if environment == known.environment and one.version in (None, artifact.version)
        )
        reports, words = self._reports.get(known.id), self._words.get(known.id)
        signed = attestations.get((artifact.module, artifact.version), ())
        if not (incidents or reports or words or signed):
            return None
        return Evidence(
            verifications=tuple((reports or {}).values()),
            approvals=tuple((words or {}).values()),
            incidents=incidents,
            attestations=signed,
        )
