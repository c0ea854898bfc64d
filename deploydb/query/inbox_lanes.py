"""The entries of the inbox that are of lanes: failures, rollbacks, refused releases, drift, incidents."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from deploydb.domain.model.deployment import UNDER_WAY
from deploydb.domain.model.reasons import RollbackOf
from deploydb.query.bodies import ReasonBody, body_of, reason_body
from deploydb.query.current_lanes import CurrentLanes
from deploydb.query.inbox_entry import WHY, Act, Entry, act, look
from deploydb.query.lane_bodies import Lane
from deploydb.query.lane_state import is_stuck, vetoed_there
from deploydb.query.starvation import starved_body
from deploydb.store.queries.live_intervals import LiveIntervalView
from deploydb.store.queries.starvation import StarvedView

_TAKEN_BY_ANOTHER = ("put_by_hand", "returned_late")
"""The reasons of drift where another version took the place of the one that belongs there, which ran before."""


def of_lanes(current: CurrentLanes) -> Iterator[Entry]:
    """By lane: what failed there and has no successor, a rollback that stands, what cannot enter, a vetoed version that
    runs, drift, incidents."""
    rollbacks: dict[tuple[str, str], list[LiveIntervalView]] = {}
    for view in current.running:
        if view.kind == "rollback":
            rollbacks.setdefault((view.service, view.environment), []).append(view)
    for lane in current.lanes:
        put_back = rollbacks.get((lane.service, lane.environment), ())
        if not (put_back or _has_anything(lane)):
            continue  # as most lanes, of which there may be thousands
        yield from _failures(lane, put_back)
        for view in put_back:
            if not _has_successor(lane, view.module):
                yield _rollback(view)
        yield from _refused(lane)
        yield from _vetoed(lane)
        yield from _drift(lane)
        yield from _incidents(lane)


def of_starved(views: Sequence[StarvedView]) -> Iterator[Entry]:
    """The starved lanes."""
    for view in views:
        yield Entry(
            kind="starved",
            service=view.service,
            environment=view.environment,
            text=starved_body(view).text,
            since=view.since.isoformat(),
            acts=[look(view.service, view.environment)],
        )


def _has_anything(lane: Lane) -> bool:
    """Whether there may be an entry of a lane."""
    noted = lane.pending or lane.failed or lane.drift or lane.incidents or lane.holds
    return bool(noted) or "FAILED" in [run.status for run in lane.running]


class _Failure(Struct, frozen=True, kw_only=True):
    """A failure in a lane. `goes_back`: it runs there, and something ran before it. `is_rollback`: it would
    have put its version back."""

    module: str
    version: str
    deployment: int
    reason: ReasonBody | None
    since: str | None
    goes_back: bool = False
    is_rollback: bool = False


def _failures(lane: Lane, put_back: Sequence[LiveIntervalView]) -> Iterator[Entry]:
    """Of each module the last failure, unless something followed: another attempt, a newer release, a rollback."""
    place = lane.service, lane.environment
    last: dict[str, _Failure] = {}
    for one in _failed(lane):
        if one.module not in last or one.deployment > last[one.module].deployment:
            last[one.module] = one
    put_back_since = {view.module: view.deployment for view in put_back}
    good = {one.module: one.deployment for one in lane.running if one.status != "FAILED"}
    for module, one in last.items():
        follower = max(put_back_since.get(module, 0), good.get(module, 0))
        if follower > one.deployment or _has_successor(lane, module):
            continue
        back = [act("roll back", "rollback", *place, reason=WHY)] if one.goes_back else []
        text = one.reason.text if one.reason is not None else "failed"
        yield Entry(
            kind="failure",
            service=lane.service,
            environment=lane.environment,
            module=module,
            version=one.version,
            deployment=one.deployment,
            text=f"rollback to {one.version}: {text}" if one.is_rollback else text,
            reason=one.reason,
            since=one.since,
            acts=[_retry(*place, one.version, module), *back, look(*place, one.version, module=module)],
        )


def _failed(lane: Lane) -> Iterator[_Failure]:
    for one in lane.failed or ():
        yield body_of(
            _Failure, one, reason=one.reason or one.detail, goes_back=False, is_rollback=one.kind == "rollback"
        )
    for run in lane.running:
        if run.status == "FAILED":
            back = run.trigger_reason is not None and run.trigger_reason.code == "rollback_of"
            yield body_of(_Failure, run, goes_back=run.previous is not None, is_rollback=back)
    for ended in lane.pending:
        if ended.status == "FAILED":
            since = ended.outlook.since if ended.outlook else None
            yield body_of(_Failure, ended, since=since, goes_back=False, is_rollback=ended.kind == "rollback")


def _rollback(view: LiveIntervalView) -> Entry:
    reason = reason_body(view.trigger_reason)
    place, answered = (view.service, view.environment), view.trigger_reason
    again = [_retry(*place, answered.version, view.module)] if isinstance(answered, RollbackOf) else []
    return Entry(
        kind="rollback",
        service=view.service,
        environment=view.environment,
        module=view.module,
        version=view.version,
        deployment=view.deployment,
        text=reason.text if reason is not None else f"{view.version} was put back",
        reason=reason,
        since=view.since.isoformat(),
        acts=[*again, look(*place, module=view.module)],
    )


def _refused(lane: Lane) -> Iterator[Entry]:
    for one in lane.pending:
        outlook = one.outlook
        if not outlook or not is_stuck(one):
            continue
        place = lane.service, lane.environment, one.version
        yield Entry(
            kind="stuck",
            service=lane.service,
            environment=lane.environment,
            module=one.module,
            version=one.version,
            deployment=one.deployment,
            text=outlook.text,
            reason=outlook.reason,
            since=outlook.since,
            acts=[
                act("promote", "promote", *place, brings=one.version, reason=WHY),
                look(*place, module=one.module),
            ],
        )


def _vetoed(lane: Lane) -> Iterator[Entry]:
    place = lane.service, lane.environment
    runs = {one.version: one for one in lane.running}
    for version, veto in vetoed_there(lane).items():
        one = runs[version]
        back = [act("roll back", "rollback", *place, reason=WHY)] if one.previous is not None else []
        yield Entry(
            kind="vetoed",
            service=lane.service,
            environment=lane.environment,
            module=one.module,
            version=version,
            deployment=one.deployment,
            text=f"it runs, and {veto.text}",
            since=max(veto.begins or veto.since, one.since),
            acts=[*back, look(*place, version, module=one.module)],
        )


def _drift(lane: Lane) -> Iterator[Entry]:
    for one in lane.drift:
        place = lane.service, lane.environment
        earlier = [run.previous.version for run in lane.running if run.module == one.module and run.previous]
        if one.reason.code in _TAKEN_BY_ANOTHER or one.expected in earlier:
            back = act("roll back", "rollback", *place, brings=one.expected, to=one.expected, reason=WHY)
        else:
            back = act("promote", "promote", *place, one.expected, brings=one.expected, reason=WHY)
        yield Entry(
            kind="drift",
            service=lane.service,
            environment=lane.environment,
            module=one.module,
            version=one.expected,
            text=f"should run {one.expected}: {one.reason.text}",
            reason=one.reason,
            acts=[back, look(*place, one.expected, module=one.module)],
        )


def _incidents(lane: Lane) -> Iterator[Entry]:
    if not lane.incidents:
        return
    goes_back = any(run.previous is not None for run in lane.running)
    back = [act("roll back", "rollback", lane.service, lane.environment, reason=WHY)] if goes_back else []
    for one in lane.incidents:
        name = one.name or "an incident"
        yield Entry(
            kind="incident",
            service=lane.service,
            environment=lane.environment,
            version=one.version,
            text=f"{name} is open{f': {one.reason}' if one.reason else ''}",
            since=one.since,
            acts=[*back, look(lane.service, lane.environment)],
        )


def _has_successor(lane: Lane, module: str) -> bool:
    """Whether another attempt or another release of the module is on its way in the lane."""
    return any(
        one.module == module and (one.status in UNDER_WAY or (one.attempt > 1 and not one.outlook))
        for one in lane.pending
    )


def _retry(service: str, environment: str, version: str, module: str) -> Act:
    return act("retry", "retry", service, environment, version, brings=version, artifact=module, reason=WHY)
