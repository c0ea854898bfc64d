"""The past: what came from outside and when, and what became of each deployment that was really made."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from msgspec import Struct

from deploydb.domain.gates import GateContext, Promotion
from deploydb.domain.gates.evidence_selection import of_entry, of_exit
from deploydb.domain.model import facts
from deploydb.domain.model.deployment import Deployment, GateStatus, Phase
from deploydb.domain.model.evidence import Approval, Evidence, Verification
from deploydb.domain.model.history import Attempt, LogEntry

Clock = Literal["time", "recorded"]
"""When a fact counts: when it happened, as far as that is before it was known; or when it was known."""


class Name(NamedTuple):
    """Which deployment of one history is which of another. `number`: the attempt; of rollbacks, which of them."""

    service: str
    environment: str
    module: str
    version: str
    kind: str
    number: int


class Timing(Struct, frozen=True, kw_only=True):
    """What an orchestrator answered, and how long after the command. None: it never did."""

    started: timedelta | None
    finished: timedelta | None
    outcome: Literal["succeeded", "failed"] | None
    failure: str | None


class RecordedHistory:
    """The past, to be replayed any number of times. `ran`: what the lanes ran when it begins."""

    def __init__(
        self,
        entries: Iterable[LogEntry],
        attempts: Iterable[Attempt],
        *,
        ran: Iterable[Deployment] = (),
        clock: Clock = "time",
    ) -> None:
        self.ran = tuple(ran)
        self.events: list[tuple[datetime, LogEntry]] = []
        self._attempts: dict[Name, Attempt] = {}
        self._names: dict[int, Name] = {}
        self._commands: dict[str, int] = {}
        self._lanes: dict[tuple[str | None, ...], list[tuple[datetime | None, int]]] = defaultdict(list)
        self._reports: dict[Name, list[Verification]] = defaultdict(list)
        self._words: dict[Name, list[Approval]] = defaultdict(list)
        self._enter(attempts)
        for entry in entries:
            fact = entry.fact
            if isinstance(fact, facts.AboutDeployment):
                if fact.projection.replay != "attempt":  # the attempts have those
                    self._hear(entry, fact)
            else:
                happened = fact.time or entry.recorded_at
                at = min(happened, entry.recorded_at) if clock == "time" else entry.recorded_at
                self.events.append((at, entry))
        self.events.sort(key=lambda one: (one[0], one[1].number))

    def attempt(self, name: Name) -> Attempt | None:
        """The deployment, where it was really made."""
        found = self._attempts.get(name)
        made = found is not None and (found.deployment.commanded or found.deployment.finished is not None)
        return found if made else None

    def pace(self, name: Name) -> Timing | None:
        """How the deployment went. None where that is not known: it was never made, or is still on its way."""
        found = self.attempt(name)
        if found is None:
            return None
        known = found.deployment
        if known.finished is None and known.expired_at is None:
            return None
        began = _began(known)
        return Timing(
            started=_later(began, known.started.time) if known.started is not None else None,
            finished=_later(began, known.finished.time) if known.finished is not None else None,
            outcome=known.outcome,
            failure=known.failure,
        )

    def words(self, name: Name) -> list[Approval]:
        """The approvals and refusals of the deployment."""
        return self._words.get(name, [])

    def early_reports(self, name: Name) -> list[Verification]:
        """What jobs reported before it had finished, or though it never was made."""
        finished = self._finished(name)
        return [one for one in self._reports.get(name, ()) if finished is None or one.at.time < finished]

    def late_reports(self, name: Name) -> list[tuple[timedelta, Verification]]:
        """What jobs reported after it had finished, and how long after."""
        finished = self._finished(name)
        if finished is None:
            return []
        return [(one.at.time - finished, one) for one in self._reports.get(name, ()) if one.at.time >= finished]

    def is_silent(self, name: Name, promotion: Promotion, asked: GateContext) -> bool:
        """Whether a gate's verdict is unknown: its people or jobs were never asked.

        Where they were asked and have not answered yet, the deployment waited for them.
        """
        answer = promotion.answer(asked)
        return answer == (False, False) and not self._waited(name, promotion.ident)

    def says_no(self, promotion: Promotion, asked: GateContext) -> bool:
        """Whether a gate was, or will be, answered with a no."""
        answer = promotion.answer(asked)
        return answer is not None and answer[1]

    def heard(self, name: Name, phase: Phase, entry: Collection[str]) -> Evidence:
        """The evidence on the deployment that counts in one phase. `entry`: the names of its entry promotions."""
        found = self._attempts.get(name)
        if found is None:
            return self._statements(name)
        if phase == "exit":
            return of_exit(self._statements(name), found.deployment, entry)
        numbered = (name._replace(number=number) for number in range(1, name.number + 1))
        attempts = (
            (self._attempts[one].deployment, self._statements(one)) for one in numbered if one in self._attempts
        )
        return of_entry(Evidence(), attempts, entry)

    def _statements(self, name: Name) -> Evidence:
        return Evidence(verifications=tuple(self._reports.get(name, ())), approvals=tuple(self.words(name)))

    def _waited(self, name: Name, promotion: str) -> bool:
        found = self._attempts.get(name)
        if found is None or promotion not in found.asked:
            return False
        outcome = found.asked[promotion]
        waits = outcome in (GateStatus.PENDING, GateStatus.ERROR) and found.deployment.needs_evaluation
        return outcome is GateStatus.FAIL or waits

    def _finished(self, name: Name) -> datetime | None:
        found = self._attempts.get(name)
        finished = found.deployment.finished if found is not None else None
        return finished.time if finished is not None else None

    def _enter(self, attempts: Iterable[Attempt]) -> None:
        rollbacks: dict[tuple[str, str, str, str], int] = defaultdict(int)
        for attempt in sorted(attempts, key=lambda one: one.deployment.id):
            known = attempt.deployment
            if known.kind == "external":
                continue
            release = known.release.artifact
            place = (known.service, known.environment, release.module, release.version)
            if known.kind == "rollback":
                rollbacks[place] += 1
            number = known.attempt if known.kind == "deploy" else rollbacks[place]
            name = Name(*place, known.kind, number)
            self._attempts[name] = attempt
            self._names[known.id] = name
            self._lanes[known.service, known.environment, release.version].append((attempt.created_at, known.id))
            if known.command is not None:
                self._commands[known.command] = known.id

    def _hear(self, entry: LogEntry, fact: facts.AboutDeployment) -> None:
        """Keep an approval or a report with its deployment. One for an unknown deployment is ignored."""
        if fact.deployment is not None:
            ident: int | None = fact.deployment
        elif fact.command is not None:
            ident = self._commands.get(fact.command)
        else:
            ident = self._last(fact, entry.recorded_at)
        name = self._names.get(ident) if ident is not None else None
        if name is None:
            return
        if isinstance(fact, facts.VerificationFinished):
            self._reports[name].append(Verification.of(fact, entry.number))
        elif isinstance(fact, facts.AboutApproval):
            self._words[name].append(Approval.of(fact, entry.number))
        else:
            raise TypeError(f"a replay has no place for {facts.type_of(fact)}, which is about a deployment")

    def _last(self, fact: facts.AboutDeployment, at: datetime) -> int | None:
        """The last deployment of a version in a lane that there was at the time, or else the first one: the fact came
        before it."""
        made = self._lanes.get((fact.service, fact.environment, fact.version), [])
        there = [ident for created, ident in made if created is None or created <= at]
        return there[-1] if there else next((ident for _, ident in made), None)


def _began(known: Deployment) -> datetime:
    """When the command was given. An adopted or imported deployment began at its own reported time."""
    times = [at.time for at in (known.started, known.finished) if at is not None]
    if known.commanded and known.requested_at is not None and all(known.requested_at <= time for time in times[-1:]):
        return known.requested_at
    return min(times)


def _later(began: datetime, at: datetime) -> timedelta:
    return max(at - began, timedelta(0))
