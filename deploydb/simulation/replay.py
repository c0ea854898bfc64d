"""The past gone through with one catalog: facts and answers at their time, a decision after each."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from itertools import count

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import CurrentVersionChanged, Decisions, DeploymentRequested, VerdictChanged
from deploydb.domain.evaluation.evaluate import decide, open_flow
from deploydb.domain.model import facts
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, FactOrder, GateStatus, Status
from deploydb.domain.model.evidence import Approval, Attestation, Incident, Verification
from deploydb.domain.model.history import LogEntry
from deploydb.domain.model.overrides import Hold, Hotfix, RollbackRequest
from deploydb.engine.ledger import Ledger
from deploydb.engine.statements import keep_latest
from deploydb.simulation.recorded_history import Name, RecordedHistory, Timing
from deploydb.simulation.releases import Releases
from deploydb.simulation.unknown_outcomes import UnknownOutcomes

ScheduledEvent = Callable[[datetime], set[str]]
"""Takes in, at its time, a fact, an answer to a command, or time itself. Returns the services to decide on."""

MOST_LOOKS = 10_000
"""At one instant, at one service: more would be a decision that never comes to rest."""


class Replay:
    """One catalog's way through the past, up to `until`. `services`: only these and what they ask about; None: all."""

    def __init__(
        self, catalog: Catalog, reality: RecordedHistory, *, until: datetime, services: Collection[str] | None = None
    ) -> None:
        self.catalog = catalog
        self._reality = reality
        self._until = until
        self.ledgers = {service: Ledger(service) for service in sorted(_wanted(catalog, services))}
        self._names: dict[tuple[str, int], Name] = {}
        self._rollbacks: dict[tuple[str, str, str, str], int] = defaultdict(int)
        self._releases = Releases()
        self._holds: dict[tuple[str, ...], Hold] = {}
        self._attestations: dict[tuple[str, str], tuple[Attestation, ...]] = {}
        self._doubts = UnknownOutcomes(catalog, reality)
        self._rechecks: dict[str, datetime | None] = {}
        self._sequence = count()
        self._agenda: list[tuple[datetime, int, ScheduledEvent]] = []

    def run(self) -> "Replay":
        """Go through all of it, once."""
        for known in self._reality.ran:
            ledger = self.ledgers.get(known.service)
            if ledger is not None:
                published = known.release
                release = self._releases.published(published.artifact, published.published_at, published.published_by)
                ledger.inherit(known, release)
        for at, entry in self._reality.events:
            self._plan(at, partial(self._take_in, entry))
        while self._agenda and self._agenda[0][0] <= self._until:
            now = self._agenda[0][0]
            touched: set[str] = set()
            while self._agenda and self._agenda[0][0] == now:
                _, _, event = heapq.heappop(self._agenda)
                touched |= event(now)
            self._settle(touched, now)
        return self

    def name(self, known: Deployment) -> Name | None:
        """The name of a deployment; None without a command."""
        return self._names.get((known.service, known.id))

    def _plan(self, at: datetime, event: ScheduledEvent) -> None:
        heapq.heappush(self._agenda, (at, next(self._sequence), event))

    def _recheck(self, service: str, now: datetime) -> set[str]:
        """Time alone may change something."""
        return {service} if self._rechecks.get(service) == now else set()

    def _report(self, ledger: Ledger, ident: int, report: Verification, _: datetime) -> set[str]:
        return {ledger.service} if ledger.statements.report(ident, report) and ledger.is_open(ident) else set()

    def _approve(self, ledger: Ledger, ident: int, approval: Approval, _: datetime) -> set[str]:
        return {ledger.service} if ledger.statements.approve(ident, approval) and ledger.is_open(ident) else set()

    def _start(self, ledger: Ledger, ident: int, now: datetime) -> set[str]:
        ledger.put(replace(ledger.deployments[ident], started=FactOrder(now, "", str(ident))))
        return set()  # nothing is decided by a start

    def _take_in(self, entry: LogEntry, now: datetime) -> set[str]:
        fact = entry.fact
        match fact:
            case facts.ArtifactPublished():
                return self._publish(fact, entry, now)
            case facts.DeploymentObserved():
                ledger = self.ledgers.get(fact.service)
                if ledger is None:
                    return set()
                release = self._releases.sighted(fact.artifact, fact.time or now, entry.publisher or fact.source)
                ledger.observe(fact, release)
            case facts.AboutHold():
                hold = Hold.of(fact, entry.number)
                keep_latest(self._holds, hold.scope, hold)
            case facts.HotfixDeclared():
                ledger = self.ledgers.get(fact.service)
                if ledger is not None:
                    keep_latest(ledger.hotfixes, fact.version, Hotfix.of(fact, entry.number))
            case facts.RollbackRequested():
                ledger = self.ledgers.get(fact.service)
                if ledger is not None:
                    ledger.wishes.append(RollbackRequest.of(fact, entry.number))
            case facts.AboutIncident():
                ledger = self.ledgers.get(fact.service)
                if ledger is not None:
                    ledger.trouble(fact.environment, Incident.of(fact, entry.number))
            case facts.ArtifactAttested():
                key = (fact.artifact.module, fact.artifact.version)
                attestation = Attestation.of(fact, entry.number)
                self._attestations[key] = (*self._attestations.get(key, ()), attestation)
                return {service for service, ledger in self.ledgers.items() if ledger.concerns(*key)}
        service = getattr(fact, "service", None)
        if service is None:
            return {one for one, ledger in self.ledgers.items() if ledger.busy}
        return {service} & self.ledgers.keys()

    def _publish(self, fact: facts.ArtifactPublished, entry: LogEntry, now: datetime) -> set[str]:
        services = {one for one in self.catalog.services_of(fact.artifact.module) if one in self.ledgers}
        if not services:
            return services
        release = self._releases.published(fact.artifact, fact.time or now, entry.publisher or fact.source)
        for service in sorted(services):
            ledger = self.ledgers[service]
            ledger.publish(release)
            for known in ledger.open_flow(open_flow(self.catalog, service, release)):
                self._expect(known, now)
        return services

    def _expect(self, known: Deployment, now: datetime) -> None:
        """Name a deployment as in the past, and schedule its approvals and early reports."""
        artifact = known.release.artifact
        place = (known.service, known.environment, artifact.module, artifact.version)
        number = known.attempt
        if known.kind == "rollback":
            self._rollbacks[place] += 1
            number = self._rollbacks[place]
        name = self._names[known.service, known.id] = Name(*place, known.kind, number)
        ledger = self.ledgers[known.service]
        for approval in self._reality.words(name):
            self._plan(max(approval.at.time, now), partial(self._approve, ledger, known.id, approval))
        for report in self._reality.early_reports(name):
            self._plan(max(report.at.time, now), partial(self._report, ledger, known.id, report))

    def _finish(self, ledger: Ledger, ident: int, pace: Timing, now: datetime) -> set[str]:
        known, at = ledger.deployments[ident], FactOrder(now, "", str(ident))
        ledger.put(replace(known, finished=at, outcome=pace.outcome, failure=pace.failure, needs_evaluation=True))
        for after, report in self._reality.late_reports(self._names[ledger.service, ident]):
            moved = replace(report, at=report.at._replace(time=now + after))
            self._plan(now + after, partial(self._report, ledger, ident, moved))
        return {ledger.service}

    def _settle(self, touched: set[str], now: datetime) -> None:
        """Decide on the services, and on those that their changes concern, until nothing more is to be decided now."""
        looks: dict[str, int] = defaultdict(int)
        while touched:
            service = min(touched)
            touched.discard(service)
            looks[service] += 1
            if looks[service] > MOST_LOOKS:
                raise RuntimeError(f"{service} does not come to rest at {now.isoformat()}")
            touched |= self._decide(self.ledgers[service], now)

    def _decide(self, ledger: Ledger, now: datetime) -> set[str]:
        """One look at a service. The services to look at next, itself where there is more to do at once."""
        service = ledger.service
        neighbours = tuple(
            one
            for other, environment in sorted(self.catalog.dependencies(service))
            if other in self.ledgers
            for one in self.ledgers[other].neighbours(environment)
        )
        holds = [hold for hold in self._holds.values() if hold.placed]
        made = decide(self.catalog, ledger.snapshot(holds, neighbours, self._attestations), now)
        if self._give_up_requests(ledger, made):
            return {service}  # what it stood in the way of is decided anew, as if it were not there
        attempts, changed = ledger.write(made)
        for known in attempts:
            self._expect(known, now)
        for decision in made.decisions:
            if isinstance(decision, DeploymentRequested):
                self._command(ledger, decision.deployment, now)
        gave_up = self._give_up_gates(ledger, made, now)
        for decision in made.decisions:
            if isinstance(decision, CurrentVersionChanged):
                self._doubts.settle(service, decision.environment)
        if made.recheck_at is not None and made.recheck_at != self._rechecks.get(service):
            self._plan(made.recheck_at, partial(self._recheck, service))
        self._rechecks[service] = made.recheck_at
        further = {one for place in changed for one in self.catalog.dependents(service, place) if one in self.ledgers}
        return further | ({service} if made.again or gave_up else set())

    def _give_up_requests(self, ledger: Ledger, made: Decisions) -> bool:
        """Give up the deployments of unknown outcome. Whether there are any."""
        requested = [one.deployment for one in made.decisions if isinstance(one, DeploymentRequested)]
        unknown = [(one, self._doubts.on_command(self._names[one.service, one.id])) for one in requested]
        gave_up = [self._give_up(ledger, one, why) for one, why in unknown]
        return any(gave_up)

    def _give_up_gates(self, ledger: Ledger, made: Decisions, now: datetime) -> bool:
        """Give up the deployments that wait at a gate of unknown verdict. Whether there are any."""
        found = False
        for decision in made.decisions:
            if not isinstance(decision, VerdictChanged) or decision.deployment.id in ledger.unknown:
                continue
            known, verdict = ledger.deployments[decision.deployment.id], decision.verdict
            name = self.name(known)
            waits = verdict.outcome in (GateStatus.PENDING, GateStatus.ERROR)
            if name is not None and waits and known.status in (Status.NOT_STARTED, Status.COMPLETED):
                found |= self._give_up(ledger, known, self._doubts.at_gate(name, known, verdict, now))
        return found

    def _give_up(self, ledger: Ledger, known: Deployment, why: str | None) -> bool:
        if why is not None:
            ledger.give_up(known, self._doubts.reach(known), why)
        return why is not None

    def _command(self, ledger: Ledger, known: Deployment, now: datetime) -> None:
        """The orchestrator does what it did, as long after the command as then."""
        pace = self._reality.pace(self._names[ledger.service, known.id])
        if pace is None:
            return
        if pace.started is not None:
            self._plan(now + pace.started, partial(self._start, ledger, known.id))
        if pace.finished is not None:
            self._plan(now + pace.finished, partial(self._finish, ledger, known.id, pace))


def _wanted(catalog: Catalog, services: Collection[str] | None) -> set[str]:
    """The services, and those that their gates ask about, and theirs."""
    if services is None:
        return set(catalog.services)
    found: set[str] = set()
    look = [service for service in services if service in catalog.services]
    while look:
        service = look.pop()
        if service not in found:
            found.add(service)
            look += [other for other, _ in catalog.dependencies(service) if other in catalog.services]
    return found
