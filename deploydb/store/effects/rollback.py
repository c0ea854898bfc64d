"""What a rollback that a person wants would put back, tried with `decide` before it is requested."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import AttemptScheduled, RollbackRequestResolved, ServiceSnapshot
from deploydb.domain.formatting import instant
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.facts import RollbackRequested
from deploydb.domain.model.overrides import RollbackRequest
from deploydb.domain.model.rollback_reasons import NoRollbackTarget
from deploydb.domain.model.running import CurrentVersion, KnownGood
from deploydb.domain.suggestions import shown
from deploydb.domain.wording import text
from deploydb.engine.settle import settled
from deploydb.store.known_good import good_in
from deploydb.store.snapshot import snapshots


class RollbackPlan(Struct, frozen=True, kw_only=True):
    """`away`: what runs and would go. `target`: what would come back; `why`: why that, or why there is none."""

    snapshot: ServiceSnapshot
    away: CurrentVersion | None
    target: KnownGood | None
    why: str


def rollback_in(connection: sa.Connection, catalog: Catalog, fact: RollbackRequested, now: datetime) -> RollbackPlan:
    """What `decide` would make of the request now."""
    (snapshot,) = snapshots(connection, [fact.service], catalog, now, lock=False)
    environment = fact.environment
    runs = [
        ran for (where, name), ran in snapshot.running.items() if where == environment and fact.artifact in (None, name)
    ]
    away = max(runs, key=lambda ran: ran.live_at, default=None)
    good = tuple(good_in(connection, catalog, fact.service, environment)) if away is not None else ()
    request = RollbackRequest(
        event=0,
        recorded_at=now,
        environment=environment,
        version=fact.version,
        from_version=fact.from_version,
        module=fact.artifact,
        by=fact.by,
        reason=fact.reason,
        at=FactOrder(now, "", ""),
    )
    wanted = replace(snapshot, wishes=(*snapshot.wishes, request), good={**snapshot.good, environment: good})
    decisions = settled(catalog, wanted, now).decisions
    attempts = (one for one in decisions if isinstance(one, AttemptScheduled) and one.request == request.event)
    put_back = next((one.release.id for one in attempts), None)  # what goes with it, of its bundle, comes after it
    target = next((one for one in good if one.release.id == put_back), None)
    if target is not None:
        return RollbackPlan(snapshot=snapshot, away=away, target=target, why=_why(target))
    resolved = (one for one in decisions if isinstance(one, RollbackRequestResolved) and one.wish is request)
    reason = next(resolved).reason
    why = text(reason)
    if isinstance(reason, NoRollbackTarget):
        unknown = fact.version is not None and all(one.release.artifact.version != fact.version for one in good)
        known = text(replace(reason, version=None))
        why = f"{shown(fact.version or '')} has not succeeded in {environment}" if unknown else known
    return RollbackPlan(snapshot=snapshot, away=away, target=None, why=why)


def _why(target: KnownGood) -> str:
    where = "completed the pipeline" if target.completed else "succeeded there"
    return f"{target.release.artifact.version} was the last that {where}, deployed {instant(target.live_at)}"
