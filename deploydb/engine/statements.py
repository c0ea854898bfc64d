"""The evidence on a service's deployments and lanes up to now in a replay: the latest of each publisher."""

from collections import defaultdict
from collections.abc import Callable, Mapping, MutableMapping
from typing import TypeVar

from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.evidence import Approval, Attestation, Evidence, Incident, Verification, incident_of
from deploydb.domain.model.overrides import Hold, Hotfix, PromotionRequest
from deploydb.engine.fork import Forkable

Subject = TypeVar("Subject")
Statement = TypeVar("Statement", Verification, Approval, Attestation, Hold, Hotfix, PromotionRequest)
Attestations = Mapping[tuple[str, str], tuple[Attestation, ...]]
"""The attestations of an artifact, by its module and version."""


def keep_latest(kept: MutableMapping[Subject, Statement], subject: Subject, statement: Statement) -> None:
    """Keep a statement on its subject, unless an equal or later one is kept already."""
    before = kept.get(subject)
    if before is None or before.at < statement.at:
        kept[subject] = statement


class Statements(Forkable):
    """The latest reports, approvals and incidents."""

    def __init__(self) -> None:
        self.reports: dict[int, dict[str, Verification]] = defaultdict(dict)
        """By deployment and job."""
        self.words: dict[int, dict[tuple[str, str], Approval]] = defaultdict(dict)
        """By deployment, promotion and person."""
        self.incidents: dict[tuple[str, str], Incident] = {}
        """By environment and name."""
        self._incident_reports: dict[tuple[str, str], list[Incident]] = defaultdict(list)

    def report(self, deployment: int, report: Verification) -> None:
        """A job's report on a deployment."""
        keep_latest(self.reports[deployment], report.promotion, report)

    def approve(self, deployment: int, approval: Approval) -> None:
        """A person's approval or refusal of a deployment."""
        keep_latest(self.words[deployment], (approval.promotion, approval.by), approval)

    def trouble(self, environment: str, report: Incident) -> None:
        """A report of an incident that begins or is over."""
        reports = self._incident_reports[environment, report.name]
        reports.append(report)
        found = incident_of(reports)
        if found is not None:
            self.incidents[environment, report.name] = found

    def names(self, environment: str, version: str) -> bool:
        """Whether an open incident in a lane names a version."""
        lane = (one for (where, _), one in self.incidents.items() if where == environment)
        return any(one.open and one.version == version for one in lane)

    def rename(self, now: Callable[[str], str]) -> None:
        """Environments have other names from now on."""
        self.incidents = {(now(where), name): one for (where, name), one in self.incidents.items()}
        self._incident_reports = defaultdict(
            list, {(now(where), name): reports for (where, name), reports in self._incident_reports.items()}
        )

    def evidence(self, known: Deployment, attestations: Attestations) -> Evidence | None:
        """All that is about a deployment; None where there is nothing."""
        artifact = known.release.artifact
        lane = (one for (environment, _), one in self.incidents.items() if environment == known.environment)
        incidents = tuple(one for one in lane if one.version in (None, artifact.version))
        reports, words = self.reports.get(known.id), self.words.get(known.id)
        signed = attestations.get((artifact.module, artifact.version), ())
        if not (incidents or reports or words or signed):
            return None
        return Evidence(
            verifications=tuple((reports or {}).values()),
            approvals=tuple((words or {}).values()),
            incidents=incidents,
            attestations=signed,
        )
