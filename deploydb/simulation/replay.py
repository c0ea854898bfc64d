"""The past gone through with one catalog: facts and answers at their time, a decision after each."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import CurrentVersionChanged, Decisions, DeploymentRequested, VerdictChanged
from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, Gate, GateStatus, Status
from deploydb.domain.model.facts import DeploymentFinished
from deploydb.domain.model.history import LogEntry
from deploydb.engine.ledger import Ledger
from deploydb.engine.memory_store import MemoryStore
from deploydb.simulation.recorded_history import Name, RecordedHistory, Report
from deploydb.simulation.unknown_outcomes import UnknownOutcomes

ScheduledEvent = Callable[[datetime], set[str]]
"""Takes in, at its time, a fact, an answer to a command, or time itself. Returns the services to decide on."""

MOST_LOOKS = 10_000
"""Rounds of decisions at one instant: more would be a decision that never comes to rest."""
_AT_ONCE = timedelta(0)


class Replay:
    """One catalog's way through the past, up to `until`. `services`: only these and what they ask about; None: all.

    `commands`: what it has commanded, in order.
    """

    def __init__(
        self, catalog: Catalog, reality: RecordedHistory, *, until: datetime, services: Collection[str] | None = None
    ) -> None:
        self.catalog = catalog
        self.commands: list[tuple[datetime, Name]] = []
        self._reality = reality
        self._until = until
        self._store = MemoryStore(catalog, _wanted(catalog, services))
        self._names: dict[tuple[str, int], Name] = {}
        self._numbers: dict[tuple[str, ...], int] = defaultdict(int)
        self._shifts: dict[tuple[str, int], timedelta] = {}
        self._doubts = UnknownOutcomes(catalog, reality)
        self._rechecks: dict[str, datetime | None] = {}
        self._sequence = count()
        self._agenda: list[tuple[datetime, bool, int, ScheduledEvent]] = []

    @property
    def ledgers(self) -> dict[str, Ledger]:
        """The deployments, by service."""
        return self._store.ledgers

    def run(self) -> "Replay":
        """Go through all of it, once."""
        for known in self._reality.ran:
            self._store.inherit(known)
        for at, entry in self._reality.events:
            self._plan(at, partial(self._take_in, entry))
        while self._agenda and self._agenda[0][0] <= self._until:
            instant = self._agenda[0][:2]
            touched: set[str] = set()
            while self._agenda and self._agenda[0][:2] == instant:
                touched |= heapq.heappop(self._agenda)[-1](instant[0])
            self._settle(touched, instant[0])
        return self

    def name(self, known: Deployment) -> Name | None:
        """The name of a deployment; None for what ran before the past begins."""
        return self._names.get((known.service, known.id))

    def _plan(self, at: datetime, event: ScheduledEvent, *, last: bool = False) -> None:
        """Schedule an event; `last`: after all decisions of that instant."""
        heapq.heappush(self._agenda, (at, last, next(self._sequence), event))

    def _recheck(self, service: str, now: datetime) -> set[str]:
        """Time alone may change something."""
        return {service} if self._rechecks.get(service) == now else set()

    def _take_in(self, entry: LogEntry, now: datetime) -> set[str]:
        name = self._reality.name(entry.deployment)
        attempt = self._reality.attempt(name) if name is not None else None
        if isinstance(entry.fact, DeploymentFinished) and attempt is not None:
            services, made = self._store.end(entry.fact, attempt.deployment)
        else:
            services, made = self._store.take(replace(entry, recorded_at=now))
        for known in made:
            self._expect(known, now)
        return services

    def _report(self, known: Deployment, report: Report, shift: timedelta, now: datetime) -> set[str]:
        """A fact about a deployment, at that much later a time than its own."""
        time = _shifted(report.fact.time, shift) if report.fact.time is not None else None
        return self._store.report(known.service, known.id, report.number, replace(report.fact, time=time), now)

    def _expect(self, known: Deployment, now: datetime) -> None:
        """Name a deployment as in the past, and schedule what was reported of it without its command."""
        artifact = known.release.artifact
        place = (known.service, known.environment, artifact.module, artifact.version, known.kind)
        self._numbers[place] += 1
        name = Name(*place, known.attempt if known.kind == "deploy" else self._numbers[place])
        self._names[known.service, known.id] = name
        for report in self._reality.reports(name):
            if not report.moves:
                self._plan(max(report.at, now), partial(self._report, known, report, _AT_ONCE))

    def _command(self, known: Deployment, now: datetime) -> None:
        """Orchestrator and jobs report what they did, as long after the command as then."""
        name = self._names[known.service, known.id]
        began = self._reality.began(name)
        if began is None:
            return
        shift = self._shifts[known.service, known.id] = now - began
        for report in self._reality.reports(name):
            if report.moves:
                self._plan(max(_shifted(report.at, shift), now), partial(self._report, known, report, shift))
        if self._reality.is_under_way(name):
            why = "its deployment has not ended yet"
            self._plan(min(_shifted(self._until, shift), self._until), partial(self._lose, known, None, why), last=True)

    def _settle(self, touched: set[str], now: datetime) -> None:
        """Decide on the services, and on those that their changes concern, until nothing more is to be decided now.

        Of services that are decided on together none sees another's decisions, as in a round of promotion.
        """
        for _ in range(MOST_LOOKS):
            if not touched:
                return
            made = [decide(self.catalog, self._store.snapshot(service), now) for service in sorted(touched)]
            touched = set().union(*(self._write(decisions, now) for decisions in made))
        raise RuntimeError(f"{', '.join(sorted(touched))}: no rest at {now.isoformat()}")

    def _write(self, made: Decisions, now: datetime) -> set[str]:
        """Write decisions down. The services to look at next, itself where there is more to do at once."""
        service = made.service
        ledger = self.ledgers[service]
        requested = [one.deployment for one in made.decisions if isinstance(one, DeploymentRequested)]
        unknown = [known for known in requested if self._reality.attempt(self._names[service, known.id]) is None]
        self.commands += [(now, self._names[service, known.id]) for known in unknown or requested]
        for known in unknown:
            self._give_up(ledger, known, "it was never deployed there")
        if unknown:
            return {service}  # what it stood in the way of is decided anew, as if it were not there
        attempts, changed = ledger.write(made)
        for known in attempts:
            self._expect(known, now)
        for known in requested:
            self._command(known, now)
        self._doubt_gates(ledger, made, now)
        for decision in made.decisions:
            if isinstance(decision, CurrentVersionChanged):
                self._doubts.settle(service, decision.environment)
        if made.recheck_at is not None and made.recheck_at != self._rechecks.get(service):
            self._plan(made.recheck_at, partial(self._recheck, service))
        self._rechecks[service] = made.recheck_at
        further = {one for place in changed for one in self.catalog.dependents(service, place) if one in self.ledgers}
        return further | ({service} if made.again else set())

    def _doubt_gates(self, ledger: Ledger, made: Decisions, now: datetime) -> None:
        """Schedule when a deployment is given up that waits at a gate of unknown verdict."""
        for decision in made.decisions:
            if not isinstance(decision, VerdictChanged) or decision.deployment.id in ledger.unknown:
                continue
            known, verdict = ledger.deployments[decision.deployment.id], decision.verdict
            name = self.name(known)
            if name is not None and self._waits(ledger, known.id, verdict.gate):
                shift = self._shifts.get((ledger.service, known.id), _AT_ONCE)
                found = self._doubts.at_gate(name, known, verdict, now, shift=shift)
                if found is not None:
                    self._plan(found[0], partial(self._lose, known, verdict.gate, found[1]), last=True)

    def _waits(self, ledger: Ledger, id_: int, gate: Gate) -> bool:
        verdict, status = ledger.verdicts(id_).get(gate), ledger.deployments[id_].status
        open_ = verdict is not None and verdict.outcome in (GateStatus.PENDING, GateStatus.ERROR)
        return open_ and status is (Status.NOT_STARTED if gate[0] == "entry" else Status.COMPLETED)

    def _lose(self, known: Deployment, gate: Gate | None, why: str, now: datetime) -> set[str]:
        """Give a deployment up that still waits for the answer of a gate, or of its orchestrator."""
        ledger = self.ledgers[known.service]
        known = ledger.deployments[known.id]
        if known.id in ledger.unknown or not (known.active if gate is None else self._waits(ledger, known.id, gate)):
            return set()
        self._give_up(ledger, known, why)
        return {known.service} if now < self._until else set()

    def _give_up(self, ledger: Ledger, known: Deployment, why: str) -> None:
        ledger.give_up(known, self._doubts.reach(known), why)


def _shifted(at: datetime, shift: timedelta) -> datetime:
    """That much later; the end of time where the calendar ends before: a source's clock may say any year."""
    try:
        return at + shift
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if shift > _AT_ONCE else datetime.min.replace(tzinfo=UTC)


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
