"""The effect of a configuration on the releases in flight, before it is in force."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.formatting import listed
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.reasons import NotRecorded
from deploydb.domain.wording import text
from deploydb.engine.settle import settled


class Effect(Struct, frozen=True, kw_only=True, order=True):
    """The effect on one release in one environment."""

    service: str
    environment: str
    module: str
    version: str
    effect: str


def effects(catalog: Catalog, snapshot: ServiceSnapshot, now: datetime, live: Catalog | None = None) -> list[Effect]:
    """What the first evaluations by a catalog change in a service's releases in flight, by environment and version.

    `live`: the catalog in force: what its next evaluation changes too is left out. `snapshot`: as for a service whose
    stages have changed.
    """
    expected = set(_effects(live, snapshot, now)) if live is not None else set[Effect]()
    return sorted(set(_effects(catalog, snapshot, now)) - expected)


def _effects(catalog: Catalog, snapshot: ServiceSnapshot, now: datetime) -> Sequence[Effect]:
    before = {one.id: one for one in snapshot.deployments}
    incomplete = catalog.incomplete.get(snapshot.service)
    lacks = f"lacks {listed(incomplete.lacks)}" if incomplete is not None else "is not configured"
    found = []
    for after in settled(catalog, snapshot, now).deployments.values():
        absent = f"waits: {snapshot.service} {lacks}" if after.needs_evaluation else None
        effect = _effect(before.get(after.id), after) if snapshot.service in catalog.services else absent
        if effect is not None:
            artifact = after.release.artifact
            lane = {"service": snapshot.service, "environment": after.environment}
            found.append(Effect(**lane, module=artifact.module, version=artifact.version, effect=effect))
    return found


def _effect(before: Deployment | None, after: Deployment) -> str | None:
    reason = text(after.status_reason or NotRecorded())
    if after.commanded and (before is None or not before.commanded):
        return f"is {'rolled back to' if after.kind == 'rollback' else 'deployed'} at once: {reason}"
    if before is None:
        return f"gets a deployment, which {'is skipped' if after.status is Status.SKIPPED else 'waits'}: {reason}"
    if after.status is not before.status:
        return f"is {after.status}: {reason}"
    return f"waits: {reason}" if after.status_reason != before.status_reason else None
