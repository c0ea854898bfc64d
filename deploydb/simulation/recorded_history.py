"""The past: what came from outside and when, and what became of each deployment that was really made."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.gates import GateContext, Promotion
from deploydb.domain.gates.evidence_selection import of_entry, of_exit
from deploydb.domain.model import facts
from deploydb.domain.model.deployment import Deployment, GateStatus, Phase
from deploydb.domain.model.evidence import Approval, Evidence, Verification
from deploydb.domain.model.history import Attempt, LogEntry, LoggedDecision

Clock = Literal["time", "recorded"]
"""When a fact counts. `time`: when it happened by its source's clock, but not later than it was recorded. `recorded`:
when it was recorded by our clock, late, early or out of order as it came."""

NEVER_ASKED = datetime.min.replace(tzinfo=UTC)


class Name(NamedTuple):
    """Which deployment of one history is which of another. `number`: the attempt; of others than deploys, which of
    them."""

    service: str
    environment: str
    module: str
    version: str
    kind: str
    number: int


class Report(Struct, frozen=True, kw_only=True):
    """A fact about a deployment, with the number of its log row. `at`: when it counts, by the clock.

    `moves`: it came of the command, and moves with it; else it comes at its own time.
    """

    at: datetime
    number: int
    fact: facts.AboutDeployment
    moves: bool


class RecordedHistory:
    """The past, to be replayed any number of times. `ran`: what the lanes ran when it begins."""

    def __init__(
        self,
        entries: Iterable[LogEntry],
        attempts: Iterable[Attempt],
        *,
        decisions: Iterable[LoggedDecision] = (),
        ran: Iterable[Deployment] = (),
        clock: Clock = "time",
    ) -> None:
        self.ran = tuple(ran)
        self.decisions = tuple(decisions)
        self.events: list[tuple[datetime, LogEntry]] = []
        self._clock = clock
        self._attempts: dict[Name, Attempt] = {}
        self._names: dict[int, Name] = {}
        self._reports: dict[Name, list[Report]] = defaultdict(list)
        self._enter(attempts)
        self._commanded = {name: one.number for one in self.decisions if (name := self.name(one.deployment))}
        for entry in entries:
            fact = entry.fact
            at = entry.recorded_at if clock == "recorded" else min(fact.time or entry.recorded_at, entry.recorded_at)
            name = self.name(entry.deployment)
            if not isinstance(fact, facts.AboutDeployment) or (name is not None and _is_end(fact)):
                self.events.append((at, entry))
            elif name is not None:
                self._reports[name].append(Report(at=at, number=entry.number, fact=fact, moves=False))
        self.events.sort(key=lambda one: (one[0], one[1].number))

    def name(self, id_: int | None) -> Name | None:
        """The name of a real deployment."""
        return self._names.get(id_) if id_ is not None else None

    def row(self, name: Name) -> Attempt | None:
        """The deployment as it ended, whether it was made or not."""
        return self._attempts.get(name)

    def attempt(self, name: Name) -> Attempt | None:
        """The deployment, where it was really made."""
        found = self._attempts.get(name)
        return found if found is not None and found.made else None

    def began(self, name: Name) -> datetime | None:
        """When the command was given that its reports answer; None where none was.

        By the sources' time, an adopted or imported deployment began when it was first reported.
        """
        found = self.attempt(name)
        if found is None:
            return None
        known = found.deployment
        if self._clock == "recorded":
            return known.requested_at if known.commanded else None
        times = [at.time for at in (known.started, known.finished) if at is not None]
        if known.commanded and known.requested_at is not None and all(known.requested_at <= at for at in times[-1:]):
            return known.requested_at
        return min(times)

    def is_under_way(self, name: Name) -> bool:
        """Whether it was really commanded, and has not ended yet."""
        found = self.attempt(name)
        return found is not None and found.deployment.finished is None and found.deployment.expired_at is None

    def reports(self, name: Name) -> list[Report]:
        """The facts about the deployment, in the order of the log."""
        began = self.began(name)
        return [
            replace(one, moves=began is not None and name.kind != "external" and self._moves(name, one, began))
            for one in self._reports.get(name, ())
        ]

    def silent_until(
        self, name: Name, promotion: Promotion, asked: Sequence[GateContext], *, shift: timedelta
    ) -> datetime | None:
        """Until when it is known that a gate's people or jobs have not answered; None: they have, or never did though
        they were asked to the end.

        `NEVER_ASKED` where they were not asked. `asked`: with the evidence as it is in the end, and as it was before.
        `shift`: how much later the deployment is than it was.
        """
        answers = [promotion.answer(one) != (False, False) for one in asked]
        if answers[0]:
            return None
        found = self._attempts.get(name)
        outcome = found.asked.get((asked[0].phase, promotion.ident)) if found is not None else None
        if found is None or outcome in (None, GateStatus.PASS):
            return None if any(answers) else NEVER_ASKED
        if outcome is GateStatus.FAIL or found.closed_at is None:
            return None
        return found.closed_at + max(shift, timedelta(0))

    def says_no(self, promotion: Promotion, asked: GateContext) -> bool:
        """Whether a gate was, or will be, answered with a no in the end."""
        answer = promotion.answer(asked)
        return answer is not None and answer[1]

    def heard(self, name: Name, phase: Phase, entry: Collection[str]) -> list[Evidence]:
        """The evidence on the deployment that counts in one phase: all of it, then as it was before each fact, back to
        none. `entry`: the names of its entry promotions.

        A later report may take back the one that answered the gate: a job that passed is tried again, and has an error.
        """
        found = self._attempts.get(name)
        if found is None:
            return [Evidence()]
        numbered = [name._replace(number=number) for number in range(1, name.number + 1)]
        attempts = [one for one in numbered if one in self._attempts]
        facts_until = {0, *(report.number for one in attempts for report in self._reports.get(one, ()))}
        return [self._heard(found.deployment, phase, entry, attempts, until) for until in sorted(facts_until)[::-1]]

    def _heard(
        self, known: Deployment, phase: Phase, entry: Collection[str], attempts: Sequence[Name], until: int
    ) -> Evidence:
        *earlier, last = ((self._attempts[one].deployment, self._evidence(one, until)) for one in attempts)
        if phase == "exit":
            return of_exit(last[1], known, entry, earlier=earlier)
        return of_entry(Evidence(), (*earlier, last), entry)

    def _evidence(self, name: Name, until: int) -> Evidence:
        verifications: list[Verification] = []
        approvals: list[Approval] = []
        for one in self._reports.get(name, ()):
            if one.number > until:
                break
            match one.fact:
                case facts.VerificationFinished():
                    verifications.append(Verification.of(one.fact, one.number))
                case facts.AboutApproval():
                    approvals.append(Approval.of(one.fact, one.number))
        return Evidence(verifications=tuple(verifications), approvals=tuple(approvals))

    def _moves(self, name: Name, report: Report, began: datetime) -> bool:
        match report.fact:
            case facts.AboutApproval():
                return False
            case facts.DeploymentStarted() | facts.DeploymentFinished() if self._clock == "time":
                return True
            case _:
                numbers = (self._commanded.get(name, report.number), report.number)
                return report.at > began or (report.at == began and numbers[0] < numbers[1])

    def _enter(self, attempts: Iterable[Attempt]) -> None:
        counted: dict[tuple[str, ...], int] = defaultdict(int)
        for attempt in sorted(attempts, key=lambda one: one.deployment.id):
            known = attempt.deployment
            release = known.release.artifact
            place = (known.service, known.environment, release.module, release.version, known.kind)
            counted[place] += 1
            name = Name(*place, known.attempt if known.kind == "deploy" else counted[place])
            self._attempts[name] = attempt
            self._names[known.id] = name


def _is_end(fact: facts.AboutDeployment) -> bool:
    """Whether the fact made a deployment of its own."""
    return isinstance(fact, facts.DeploymentFinished) and bool(fact.historical)
