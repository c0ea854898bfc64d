"""The four figures of DORA, from what happened in production lanes. Pure: the same past, the same figures.

A lane's `Run` is a deployment that came to run there. What was released on the way and never ran itself came with the
next newer release that did.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from types import NoneType
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.distribution import Bucket, distribution
from deploydb.domain.forecast import expected
from deploydb.domain.model.gate_reasons import IncidentOpen
from deploydb.domain.model.outcome_reasons import AttemptFailed, Expired
from deploydb.domain.model.reasons import FinishedLate, NotRecorded, Reason, Several

Lane = tuple[str, str]
_OfVersion = tuple[str, str, str | None]
_since = attrgetter("since")
Cause = Literal["deployment", "verification", "incident"]

FREQUENCY = "Deployments of a release that came to run in production, a day. Rollbacks are not among them."
LEAD_TIME = (
    "From a release's publication to when it, or the first newer release of its module, came to run in production."
)
FAILURE_RATE = (
    "Of the deployments to production, those that failed: the deployment itself, its verification, or by an incident. "
    "A rollback is none of them."
)
RECOVERY = "From a failure or an incident in production to the next success there, or to the incident's end."


class Run(Struct, frozen=True, kw_only=True):
    """A deployment that came to run in a production lane. `before`: when the release that ran there before it was
    published; None where nothing had. `succeeded`: its gates passed."""

    service: str
    environment: str
    module: str
    deployment: int
    kind: str
    published_at: datetime
    since: datetime
    succeeded: bool
    before: datetime | None
    version: str = ""


class Trouble(Struct, frozen=True, kw_only=True):
    """A failure that counted, or an incident, once however often it was reported. `deployment`: whose; None for an
    incident: it is of the `version` that it names, else of what ran then. `over`: when an incident ended."""

    service: str
    environment: str
    at: datetime
    deployment: int | None = None
    over: datetime | None = None
    cause: Cause = "deployment"
    version: str | None = None


class Left(Struct, frozen=True, kw_only=True):
    """What does not count, and why."""

    count: int
    why: str


class Rate(Struct, frozen=True, kw_only=True):
    """So many a day."""

    value: float | None
    samples: int
    definition: str
    excluded: list[Left]


class Spread(Struct, frozen=True, kw_only=True):
    """The median and the ninth decile, in seconds, and how many of the samples took how long."""

    p50: float | None
    p90: float | None
    distribution: list[Bucket]
    samples: int
    definition: str
    excluded: list[Left]


class Causes(Struct, frozen=True, kw_only=True):
    """How many failed by what first."""

    deployment: int
    verification: int
    incident: int


class Share(Struct, frozen=True, kw_only=True):
    """`failed` of `samples`, as a number from 0 to 1, and by their causes."""

    value: float | None
    failed: int
    causes: Causes
    samples: int
    definition: str
    excluded: list[Left]


class Day(Struct, frozen=True, kw_only=True):
    """What came of one day, of UTC."""

    date: date
    deployments: int
    failures: int


class Figures(Struct, frozen=True, kw_only=True):
    """All four, and their days."""

    frequency: Rate
    lead_time: Spread
    failure_rate: Share
    recovery: Spread
    days: list[Day]


def figures(
    runs: Sequence[Run],
    troubles: Sequence[Trouble],
    published: Mapping[str, Sequence[datetime]],
    since: datetime,
    until: datetime,
) -> Figures:
    """The figures of the time from `since` to `until`.

    `runs` in the order of their times, those after the window too, where they end what failed in it; `published`: by
    module, when releases were published that may have come with one of the runs.
    """
    inside = [run for run in runs if since <= run.since <= until]
    changes = [run for run in inside if run.kind == "deploy"]
    troubles = _attributed(inside, troubles)
    failed = _failed(troubles)
    return Figures(
        frequency=_frequency(changes, inside, until - since),
        lead_time=_lead_time(changes, published),
        failure_rate=_failure_rate(changes, failed),
        recovery=_recovery(runs, troubles),
        days=_days(changes, troubles, since, until),
    )


def _frequency(changes: Sequence[Run], inside: Sequence[Run], window: timedelta) -> Rate:
    rollbacks = sum(run.kind == "rollback" for run in inside)
    by_hand = sum(run.kind == "external" for run in inside)
    return Rate(
        value=len(changes) / (window / timedelta(days=1)) if changes else None,
        samples=len(changes),
        definition=FREQUENCY,
        excluded=_left((rollbacks, "rollbacks"), (by_hand, "observed there, not deployed by DeployDB")),
    )


def _lead_time(changes: Sequence[Run], published: Mapping[str, Sequence[datetime]]) -> Spread:
    taken: list[timedelta] = []
    seeds = again = 0
    covered: dict[tuple[str, str, str], datetime] = {}
    for run in changes:
        place = (run.service, run.environment, run.module)
        after = max((one for one in (covered.get(place), run.before) if one is not None), default=None)
        covered[place] = max(run.published_at, after or run.published_at)
        if after is None:
            seeds += 1
        elif run.published_at <= after:
            again += 1
        else:
            came = [one for one in published.get(run.module, ()) if after < one <= run.published_at]
            taken += [run.since - one for one in came]
    return _spread(
        taken,
        LEAD_TIME,
        _left((seeds, "without a release before them in production"), (again, "no newer than before")),
    )


def _attributed(inside: Sequence[Run], troubles: Sequence[Trouble]) -> list[Trouble]:
    """The troubles, incidents with the deployment that each is of, where it is known. A failure by an incident that is
    among them is that incident."""
    found, lanes = [], _by_lane(inside)
    for trouble in troubles:
        run = _troubled(lanes, trouble) if trouble.deployment is None else None
        of_run = {"deployment": run.deployment, "cause": "incident"} if run is not None else {}
        found.append(replace(trouble, **of_run))
    known = {one.deployment for one, trouble in zip(found, troubles, strict=True) if trouble.deployment is None}
    failures = (trouble.deployment is not None and trouble.cause == "incident" for trouble in troubles)
    return [one for one, failure in zip(found, failures, strict=True) if not failure or one.deployment not in known]


def _by_lane(runs: Iterable[Run]) -> dict[_OfVersion, list[Run]]:
    """The runs of each lane, all of them (None) and those of each version, in the order of their times."""
    found: dict[_OfVersion, list[Run]] = {}
    for run in runs:
        for version in (None, run.version):
            found.setdefault((run.service, run.environment, version), []).append(run)
    return found


def _troubled(lanes: Mapping[_OfVersion, Sequence[Run]], incident: Trouble) -> Run | None:
    """The deployment that brought the version that an incident is of: a rollback only puts it back."""
    lane = lanes.get((incident.service, incident.environment, incident.version), ())
    ran = bisect_right(lane, incident.at, key=_since) or (len(lane) if incident.version is not None else 0)
    if not ran:
        return None
    last = lane[ran - 1]
    same = lanes[last.service, last.environment, last.version]
    brought = (same[index] for index in range(bisect_right(same, last.since, key=_since) - 1, -1, -1))
    return next((run for run in brought if run.module == last.module and run.kind != "rollback"), None)


def _failed(troubles: Sequence[Trouble]) -> dict[int, Cause]:
    """The deployments that failed, each with what it failed by first."""
    failed: dict[int, Cause] = {}
    for trouble in sorted(troubles, key=lambda one: one.at):
        if trouble.deployment is not None:
            failed.setdefault(trouble.deployment, trouble.cause)
    return failed


def _failure_rate(changes: Sequence[Run], failed: Mapping[int, Cause]) -> Share:
    all_of_them = {run.deployment for run in changes} | failed.keys()
    causes = Counter(failed.values())
    return Share(
        value=len(failed) / len(all_of_them) if all_of_them else None,
        failed=len(failed),
        causes=Causes(**{cause: causes[cause] for cause in get_args(Cause)}),
        samples=len(all_of_them),
        definition=FAILURE_RATE,
        excluded=[],
    )


def _recovery(runs: Sequence[Run], troubles: Sequence[Trouble]) -> Spread:
    outages = list(_outages(runs, troubles))
    taken = [over - at for at, over in outages if over is not None]
    return _spread(taken, RECOVERY, _left((len(outages) - len(taken), "not over yet")))


def _outages(runs: Sequence[Run], troubles: Sequence[Trouble]) -> Iterable[tuple[datetime, datetime | None]]:
    """When each trouble began and when it was over. What follows in a lane that is in trouble is the same trouble."""
    ends: dict[Lane, datetime | None] = {}
    good = _by_lane(run for run in runs if run.succeeded)
    for trouble in sorted(troubles, key=lambda one: one.at):
        lane = (trouble.service, trouble.environment)
        if trouble.over is not None:
            yield trouble.at, trouble.over
            continue
        if lane in ends and ((end := ends[lane]) is None or trouble.at < end):
            continue
        there = good.get((*lane, None), ())
        following = bisect_right(there, trouble.at, key=_since)
        ends[lane] = there[following].since if following < len(there) else None
        yield trouble.at, ends[lane]


def cause_of(failure: Reason | None) -> Cause:
    """What a deployment failed by, from the reason of its failure."""
    reasons = failure.reasons if isinstance(failure, Several) else (failure,)
    if all(isinstance(reason, IncidentOpen) for reason in reasons):
        return "incident"
    attempts = (AttemptFailed, Expired, FinishedLate, NotRecorded, NoneType)
    return "deployment" if all(isinstance(reason, attempts) for reason in reasons) else "verification"


def _days(changes: Sequence[Run], troubles: Sequence[Trouble], since: datetime, until: datetime) -> list[Day]:
    deployments = Counter(run.since.date() for run in changes)
    failures = Counter(trouble.at.date() for trouble in troubles)
    days = (until.date() - since.date()).days + 1
    dates = [since.date() + timedelta(days=number) for number in range(days)]
    return [Day(date=each, deployments=deployments[each], failures=failures[each]) for each in dates]


def _spread(taken: Sequence[timedelta], definition: str, excluded: list[Left]) -> Spread:
    found = expected(taken)
    p50, p90 = (found.p50.total_seconds(), found.p90.total_seconds()) if found is not None else (None, None)
    buckets = distribution(taken)
    return Spread(p50=p50, p90=p90, distribution=buckets, samples=len(taken), definition=definition, excluded=excluded)


def _left(*counted: tuple[int, str]) -> list[Left]:
    return [Left(count=count, why=why) for count, why in counted if count]
