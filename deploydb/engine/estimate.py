"""When a release would be where: `decide` run forward, each answer as late as the same one came before."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.evaluation.evaluate import open_flow
from deploydb.domain.forecast import Expected
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, Gate, GateStatus, Release, Status
from deploydb.engine.forward import Forward, Takes
from deploydb.engine.needs import Need

Span = tuple[datetime, datetime]
"""Two times: where each step takes what it took in the middle, and where each takes what nine in ten took at most."""
Share = Literal["p50", "p90"]
Step = Literal["entered", "verified"]

_MOST_LOOKS = 30_000
"""Looks at a deployment in one run: where more wait, what comes after so many has no time (about 2 s)."""


class Lane(Struct, frozen=True, kw_only=True):
    """How long a lane's deployments took, and its gates, each by phase and promotion. None: it has no history."""

    deployment: Expected | None
    gates: Mapping[Gate, Expected]


class Arrival(Struct, frozen=True, kw_only=True):
    """When a release would be commanded into a stage, and be through with it. None: that is past, or unknown.

    `entered_approved`, `verified_approved`: of a step that comes only after an approval of a person, its earliest time:
    everybody approves, and all else is done, at once. None: it takes no approval.
    """

    entered: Span | None
    verified: Span | None
    entered_approved: datetime | None = None
    verified_approved: datetime | None = None


class _Way(Struct, frozen=True, kw_only=True):
    """The times of a flow's steps, by environment; and the earliest of those that take an approval."""

    spans: Mapping[tuple[str, Step], Span]
    approved: Mapping[tuple[str, Step], datetime]


def supposed(catalog: Catalog, snapshot: ServiceSnapshot, releases: Sequence[Release]) -> ServiceSnapshot:
    """The snapshot as if releases without a flow came now: each with a deployment in every stage that takes it."""
    ids = max((one.id for one in snapshot.deployments), default=0)
    flows = max((one.flow or 0 for one in snapshot.deployments), default=0)
    opened = list[Deployment]()
    for place, release in enumerate(releases, flows + 1):
        for environment, _ in open_flow(catalog, snapshot.service, release).stages:
            number = ids + len(opened) + 1
            here = Deployment(id=number, flow=place, service=snapshot.service, environment=environment, release=release)
            opened.append(here)
    return replace(snapshot, deployments=(*snapshot.deployments, *opened))


def arrivals(
    catalog: Catalog,
    snapshot: ServiceSnapshot,
    version: str,
    lanes: Mapping[str, Lane],
    now: datetime,
    flow: int | None = None,
) -> dict[str, Arrival]:
    """When the version, with all its modules or as one flow has it, would be where, by the environments in which it
    is still open.

    Everybody answers, for other releases too, each after the time that the same answer took before (`lanes`). What has
    no history is not answered, and nothing behind it has a time; nor is what has failed, or was refused. Soaks,
    windows, holds and turns are those of `decide`. A way on which each step is slow is slower than one in ten: the
    second time is an upper estimate.
    """
    known = [
        one
        for one in snapshot.deployments
        if one.flow is not None and one.release.artifact.version == version and flow in (None, one.flow)
    ]
    waiting: dict[str, list[Deployment]] = defaultdict(list)
    for one in known:
        if one.needs_evaluation:
            waiting[one.environment].append(one)
    targets = {one.flow: one for deployments in waiting.values() for one in deployments}
    ways = {flow: _way(catalog, snapshot, target, lanes, now) for flow, target in targets.items()}

    def last(deployments: Sequence[Deployment], step: Step) -> Span | None:
        spans = [ways[one.flow].spans.get((one.environment, step)) for one in deployments]
        found = [span for span in spans if span is not None]
        if not found or len(found) < len(spans):
            return None
        return (max(each[0] for each in found), max(each[1] for each in found))

    def approved(deployments: Sequence[Deployment], step: Step) -> datetime | None:
        found = (ways[one.flow].approved.get((one.environment, step)) for one in deployments)
        return max((at for at in found if at is not None), default=None)

    entering = {there: [one for one in those if one.requested_at is None] for there, those in waiting.items()}
    return {
        there: Arrival(
            entered=last(entering[there], "entered"),
            verified=last(deployments, "verified"),
            entered_approved=approved(entering[there], "entered"),
            verified_approved=approved(deployments, "verified"),
        )
        for there, deployments in waiting.items()
    }


def _way(
    catalog: Catalog, snapshot: ServiceSnapshot, target: Deployment, lanes: Mapping[str, Lane], now: datetime
) -> _Way:
    """The times of the target's flow. A step that is not reached without approvals takes one."""
    failed = {
        id_
        for id_, verdicts in snapshot.verdicts.items()
        if any(verdict.outcome is GateStatus.FAIL for verdict in verdicts.values())
    }

    def answers(deployment: Deployment) -> bool:
        return deployment.status is not Status.FAILED and deployment.id not in failed

    def run(takes: Takes) -> tuple[dict[tuple[str, Step], datetime], bool]:
        way = Forward(catalog, snapshot, target, now, goal="everywhere", answers=answers, takes=takes)
        done = way.run(rounds=_MOST_LOOKS // len(snapshot.deployments))
        steps: tuple[tuple[Step, Mapping[int, datetime]], ...] = (
            ("entered", done.entered),
            ("verified", done.verified),
        )
        found = {
            (done.deployment(id_).environment, step): at
            for step, times in steps
            for id_, at in times.items()
            if done.deployment(id_).flow == target.flow
        }
        return found, any(need.kind == "approval" for need in done.given.values())

    usual = _takes(lanes, "p50")
    (middle, has_approvals), (slow, _) = run(usual), run(_takes(lanes, "p90"))
    spans = {step: (at, max(at, slow[step])) for step, at in middle.items() if step in slow}
    if not has_approvals:
        return _Way(spans=spans, approved={})
    without, _ = run(lambda need: None if need.kind == "approval" else usual(need))
    earliest, _ = run(lambda need: None if need.kind == "hold" else timedelta())
    return _Way(
        spans=spans, approved={step: earliest.get(step, spans[step][0]) for step in spans if step not in without}
    )


def _takes(lanes: Mapping[str, Lane], share: Share) -> Takes:
    def takes(need: Need) -> timedelta | None:
        lane = lanes.get(need.environment)
        if lane is None or need.kind == "hold":
            return None
        if need.phase is not None and need.promotion is not None:
            expected = lane.gates.get((need.phase, need.promotion))
        else:
            expected = lane.deployment if need.kind == "deployment" else None
        return getattr(expected, share) if expected is not None else None

    return takes
