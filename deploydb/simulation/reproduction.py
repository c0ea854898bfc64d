"""A replay of the unchanged catalog beside the commands of the log: how many it reproduces, and why not the others."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from difflib import SequenceMatcher
from typing import Literal

from msgspec import Struct

from deploydb.domain.model.catalog import Lane
from deploydb.domain.model.history import LoggedDecision
from deploydb.simulation.compare import absent, course, courses
from deploydb.simulation.recorded_history import Name, RecordedHistory
from deploydb.simulation.replay import Replay

Cause = Literal["catalog", "not_configured", "outside", "unknown", "undetermined"]
"""Why the replay does otherwise.

catalog         the real decision, or the last one on the service before then, was made by another catalog
not_configured  the replay's catalog does not have the service, the artifact or the stage
outside         the log of the replayed time has no publication of the version
unknown         the replay lacks an answer, and guesses none
undetermined    nothing of these; the reason is that of the side that did not command it
"""


class Deviation(Struct, frozen=True, kw_only=True):
    """The first command of a lane that only the log (`real_at`) or only the replay (`replayed_at`) has."""

    name: Name
    real_at: datetime | None = None
    replayed_at: datetime | None = None
    cause: Cause
    reason: str


class Reproduction(Struct, frozen=True, kw_only=True):
    """How a replay's commands compare with the real ones, in order, lane by lane.

    `real`: how many there were; `reproduced`: how many of them the replay gives as well; `extra`: how many it gives
    besides. `deviations`: the first of each lane, oldest first. `following`: how many come after one of the same lane,
    or of the same release in another lane of the service.
    """

    real: int
    reproduced: int
    extra: int
    following: int
    deviations: tuple[Deviation, ...]


class _Command(Struct, frozen=True, kw_only=True):
    at: datetime
    name: Name
    real: bool

    @property
    def lane(self) -> Lane:
        return self.name.service, self.name.environment


def reproduce(replay: Replay, reality: RecordedHistory, *, services: Collection[str] | None = None) -> Reproduction:
    """Compare a replay that has run with the commands of the log. `services`: only these; None for all."""
    lanes: dict[Lane, tuple[list[_Command], list[_Command]]] = defaultdict(lambda: ([], []))
    for command in (*_real(reality), *(_Command(at=at, name=name, real=False) for at, name in replay.commands)):
        if services is None or command.name.service in services:
            lanes[command.lane][command.real].append(command)
    single = sorted((one for pair in lanes.values() for one in _single(*pair)), key=lambda one: (one.at, one.name))
    causes = _Causes(replay, reality)
    deviations = []
    seen: set[tuple[str, ...]] = set()
    for command in single:
        release = (command.name.service, command.name.module, command.name.version)
        if not seen & {command.lane, release}:
            deviations.append(causes.deviation(command))
        seen |= {command.lane, release}
    missing = sum(one.real for one in single)
    real = sum(len(commands) for _, commands in lanes.values())
    return Reproduction(
        real=real,
        reproduced=real - missing,
        extra=len(single) - missing,
        following=len(single) - len(deviations),
        deviations=tuple(deviations),
    )


def _real(reality: RecordedHistory) -> Iterator[_Command]:
    for one in reality.decisions:
        name = reality.name(one.deployment)
        if name is not None:
            yield _Command(at=one.recorded_at, name=name, real=True)


def _single(replayed: list[_Command], real: list[_Command]) -> Iterator[_Command]:
    """The commands of a lane that stand in one of the sequences alone."""
    ours, theirs = ([one.name for one in commands] for commands in (replayed, real))
    for kind, start, end, other_start, other_end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from (*replayed[start:end], *real[other_start:other_end])


class _Causes:
    """Why commands of one side are not on the other."""

    def __init__(self, replay: Replay, reality: RecordedHistory) -> None:
        self._replay = replay
        self._reality = reality
        self._courses = dict(courses(replay, None))
        self._releases = {(name.service, name.module, name.version) for name in self._courses}
        self._decisions: dict[str, list[LoggedDecision]] = defaultdict(list)
        for one in reality.decisions:
            self._decisions[one.service].append(one)

    def deviation(self, command: _Command) -> Deviation:
        """The deviation that a command of one side is."""
        cause, reason = self._catalog(command) or (self._missing if command.real else self._extra)(command.name)
        real_at, replayed_at = (command.at, None) if command.real else (None, command.at)
        return Deviation(name=command.name, real_at=real_at, replayed_at=replayed_at, cause=cause, reason=reason)

    def _catalog(self, command: _Command) -> tuple[Cause, str] | None:
        decided = self._decisions[command.name.service]
        last = bisect_right(decided, command.at, key=lambda one: one.recorded_at) - 1
        if last < 0 or decided[last].catalog == self._replay.catalog.digest:
            return None
        return "catalog", f"the configuration was another one then, {decided[last].catalog[:12]}"

    def _missing(self, name: Name) -> tuple[Cause, str]:
        catalog = self._replay.catalog
        service = catalog.services.get(name.service)
        if (
            service is None
            or name.module not in service.artifacts
            or name.environment not in catalog.environments_of(name.service)
        ):
            return "not_configured", absent(self._replay, name).reason
        if (name.service, name.module, name.version) not in self._releases:
            return "outside", f"the log of that time has no publication of {name.version}"
        found = self._courses.get(name) or absent(self._replay, name)
        if found.unknown is not None:
            return "unknown", found.unknown
        return "undetermined", "in another order" if found.at is not None else f"in the replay, {found.reason}"

    def _extra(self, name: Name) -> tuple[Cause, str]:
        row = self._reality.row(name)
        if row is None:
            return "undetermined", "in reality, there was no such deployment"
        found = course(row.deployment, None)
        return "undetermined", "in another order" if found.at is not None else f"in reality, {found.reason}"
