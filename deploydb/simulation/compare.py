"""Two replays of the same past, held against each other: which commands one gives that the other does not, or when."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from deploydb.domain.model.admission_reasons import BranchElsewhere
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.wording import text
from deploydb.simulation.recorded_history import Name, RecordedHistory
from deploydb.simulation.replay import Replay

Kind = Literal["earlier", "later", "blocked", "released", "unknown"]
"""How a decision differs.

earlier   commanded under both, sooner under the new one
later     commanded under both, later under the new one
blocked   commanded under the old one, not under the new one by the end of the past
released  commanded under the new one, not under the old one
unknown   the outcome is unknown under one of them, and known under the other
"""

_HOUR = timedelta(hours=1)


class Difference(Struct, frozen=True, kw_only=True):
    """One deployment that is decided on differently. `failed`: it failed in reality."""

    name: Name
    kind: Kind
    old_at: datetime | None
    new_at: datetime | None
    reason: str
    failed: bool

    @property
    def delay(self) -> timedelta | None:
        """How much later it is commanded, or below zero how much earlier; None where it is not under both."""
        return self.new_at - self.old_at if self.old_at is not None and self.new_at is not None else None

    @property
    def stopped(self) -> bool:
        """Whether it failed in reality, and the new rules would not have made it."""
        return self.failed and self.kind == "blocked"


class Comparison(Struct, frozen=True, kw_only=True):
    """Every difference, the biggest first, and how many deployments are alike.

    `unknown`: how many deployments have an unknown outcome under either.
    """

    differences: tuple[Difference, ...]
    same: int
    unknown: int

    def count(self, kind: Kind) -> int:
        """How many differ that way."""
        return Counter(one.kind for one in self.differences)[kind]

    def hours(self, kind: Literal["later", "earlier"]) -> float:
        """The hours of delay of all that come later together, or those that all that come earlier gain."""
        delays = (abs(one.delay) for one in self.differences if one.kind == kind and one.delay is not None)
        return sum(delays, timedelta(0)) / _HOUR

    @property
    def stopped(self) -> int:
        """How many deployments that failed in reality would not have been made."""
        return sum(one.stopped for one in self.differences)


class Course(Struct, frozen=True, kw_only=True):
    """What a replay made of one deployment. `reason`: why it is not commanded."""

    at: datetime | None
    unknown: str | None
    reason: str


def compare(
    old: Replay, new: Replay, reality: RecordedHistory, *, services: Collection[str] | None = None
) -> Comparison:
    """What differs between two replays that have run. `services`: only these; None for all."""
    before, after = dict(courses(old, services)), dict(courses(new, services))
    found: list[Difference] = []
    same = unknown = 0
    for name in sorted(before.keys() | after.keys()):
        one = before.get(name) or absent(old, name)
        other = after.get(name) or absent(new, name)
        difference = _difference(name, one, other, reality)
        if difference is not None:
            found.append(difference)
        elif one.at is not None:
            same += 1
        elif one.unknown is not None:
            unknown += 1
    return Comparison(differences=tuple(sorted(found, key=_weight)), same=same, unknown=unknown)


def courses(replay: Replay, services: Collection[str] | None) -> Iterator[tuple[Name, Course]]:
    """What a replay made of each deployment that may be commanded."""
    for service, ledger in replay.ledgers.items():
        if services is not None and service not in services:
            continue
        for known in ledger.deployments.values():
            name = replay.name(known)
            if name is not None and name.kind != "external":
                yield name, course(known, ledger.unknown.get(known.id))


def course(known: Deployment, unknown: str | None) -> Course:
    """What became of a deployment. `unknown`: why its outcome is."""
    at = known.requested_at if known.commanded else None
    waits = "" if known.skipped_at is not None else "still waits at the end: "
    message = text(known.status_reason) if known.status_reason is not None else "nothing let it in"
    return Course(at=at, unknown=unknown or None, reason=f"{waits}{message}")


def absent(replay: Replay, name: Name) -> Course:
    """A deployment that a replay has no row of."""
    service = replay.catalog.services.get(name.service)
    if service is None:
        reason = f"{name.service} is not configured"
    elif name.kind == "rollback":
        reason = "nothing is rolled back"
    elif name.module not in service.artifacts:
        reason = f"{name.module} is not an artifact of {name.service}"
    elif name.environment not in replay.catalog.environments_of(name.service):
        reason = f"{name.environment} is not a stage of {name.service}"
    elif elsewhere := _elsewhere(replay, name):
        reason = text(elsewhere)
    else:
        reason = f"there is no attempt {name.number}"
    return Course(at=None, unknown=None, reason=reason)


def _elsewhere(replay: Replay, name: Name) -> BranchElsewhere | None:
    """Why the version does not come to the lane by itself."""
    branches = replay.catalog.branches(name.service)
    return branches.elsewhere(name.environment, name.version) if branches is not None else None


def _difference(name: Name, old: Course, new: Course, reality: RecordedHistory) -> Difference | None:
    attempt = reality.attempt(name)
    failed = attempt is not None and attempt.failed
    kind: Kind
    if old.at == new.at:
        if old.at is not None or (old.unknown is None) == (new.unknown is None):
            return None
        where, why = ("new", new.unknown) if new.unknown is not None else ("old", old.unknown)
        kind, reason = "unknown", f"under the {where} rules {why}"
    elif old.at is not None and new.at is not None:
        kind = "later" if new.at > old.at else "earlier"
        reason = "" if new.unknown is None else f"its outcome is unknown: {new.unknown}"
    elif new.at is None and new.unknown is None:
        kind, reason = "blocked", new.reason
    elif new.at is None:
        kind, reason = "unknown", f"under the new rules {new.unknown}"
    elif old.unknown is not None:
        kind, reason = "unknown", f"under the old rules {old.unknown}"
    else:
        outcome = f"; its outcome is unknown: {new.unknown}" if new.unknown is not None else ""
        kind, reason = "released", f"{old.reason}{outcome}"
    return Difference(name=name, kind=kind, old_at=old.at, new_at=new.at, reason=reason, failed=failed)


def _weight(one: Difference) -> tuple[object, ...]:
    """Failures that are stopped first, then what is let in or not at all, then the longest delay."""
    rank = 0 if one.stopped else {"blocked": 1, "released": 1, "unknown": 3}.get(one.kind, 2)
    return (rank, -abs(one.delay or timedelta(0)), one.name)
