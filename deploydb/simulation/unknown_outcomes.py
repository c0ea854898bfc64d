"""Unknown outcomes in a replay, and the lanes that they concern: an answer that the past lacks is not made up."""

from datetime import datetime, timedelta

from deploydb.domain.gates import GateContext
from deploydb.domain.gates.evidence_selection import answered_under
from deploydb.domain.model.catalog import Catalog, Lane
from deploydb.domain.model.deployment import Deployment, Status, Verdict
from deploydb.simulation.recorded_history import NEVER_ASKED, Name, RecordedHistory


class UnknownOutcomes:
    """Which deployments have no answer in the past, and in which lanes it is not known what would run."""

    def __init__(self, catalog: Catalog, reality: RecordedHistory) -> None:
        self._catalog = catalog
        self._reality = reality
        self._lanes: set[Lane] = set()

    def at_gate(
        self, name: Name, known: Deployment, verdict: Verdict, now: datetime, *, shift: timedelta
    ) -> tuple[datetime, str] | None:
        """From when on the verdict of a gate that a deployment waits at is unknown, and why; None where it is known.

        `shift`: how much later the deployment was commanded than in reality.
        """
        gate = self._catalog.promotions.get(verdict.promotion)
        if gate is None:
            return None
        if gate.dependencies:
            doubts = (other for other in gate.dependencies if (other.service, other.environment) in self._lanes)
            doubt = next(doubts, None)
            return (now, f"it is unknown what {doubt.service} would run in {doubt.environment}") if doubt else None
        entry = answered_under(self._catalog.entry_promotions(known.environment))
        heard = self._reality.heard(name, verdict.phase, entry)
        asked = [
            GateContext(deployment=known, now=now, phase=verdict.phase, evidence=one, groups=self._catalog.groups)
            for one in heard
        ]
        until = self._reality.silent_until(name, gate, asked, shift=shift)
        if until is None:
            return None
        service = self._catalog.services[known.service]
        stage = next(one for one in self._catalog.stages(service) if one.environment == known.environment)
        if known.status is Status.COMPLETED and any(
            self._reality.says_no(other, asked[0]) for other in self._catalog.exit_promotions(service, stage)
        ):
            return None  # it fails, with any verdict of this gate
        why = "was never asked" if until == NEVER_ASKED else "was not asked for so long"
        return max(until, now), f"{verdict.promotion} {why}"

    def reach(self, known: Deployment) -> set[str]:
        """The environments in doubt with a deployment: its own, and those that its flow only comes to by it."""
        lost = {known.environment}
        service = self._catalog.services[known.service]
        for stage in self._catalog.stages(service) if known.kind == "deploy" else ():
            before = [one in lost for one in stage.after.environments]
            if before and (any(before) if stage.after.need == "all" else all(before)):
                lost.add(stage.environment)
        self._lanes |= {(known.service, environment) for environment in lost}
        return lost

    def settle(self, service: str, environment: str) -> None:
        """Something went live in a lane: what it runs is known again."""
        self._lanes.discard((service, environment))
