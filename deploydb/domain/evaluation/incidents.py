"""Which incidents are a deployment's own."""

from msgspec.structs import replace

from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.evidence import Evidence, Incident
from deploydb.domain.model.running import CurrentVersion


def own_incidents(evidence: Evidence, deployment: Deployment, runs: CurrentVersion | None) -> Evidence:
    """The evidence, of the incidents in the lane with those alone that count against the deployment. `runs`: what runs
    of its module."""
    if not evidence.incidents:
        return evidence
    return replace(evidence, incidents=tuple(one for one in evidence.incidents if _is_of(one, deployment, runs)))


def _is_of(incident: Incident, deployment: Deployment, runs: CurrentVersion | None) -> bool:
    """Whether an incident counts against a deployment: by the version that it names, else by what ran when it began.
    Before the deployment is live, each incident of the lane counts."""
    if incident.version is not None:
        return incident.version == deployment.release.artifact.version
    live_at = deployment.live_at or deployment.reported_live_at
    if live_at is None:
        return True
    if incident.since < live_at:
        return False
    return runs is None or runs.release.id == deployment.release.id or incident.since < runs.live_at
