"""What lanes run and what they ran, written down."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.evaluation.decisions import CameToRun, RunningChanged
from deploydb.domain.model.deployment import Deployment
from deploydb.store import bulk
from deploydb.store.list_parameters import among_rows
from deploydb.store.projections.publications import module_key
from deploydb.store.tables import artifact, running, tenure

_PLACE = (running.c.service, running.c.environment, running.c.module_key)
_EARLIER = (
    sa.select(tenure)
    .where(
        tenure.c.service == running.c.service,
        tenure.c.environment == running.c.environment,
        tenure.c.module_key == running.c.module_key,
        sa.tuple_(tenure.c.since, tenure.c.published_at, tenure.c.deployment_id)
        < sa.tuple_(running.c.since, running.c.published_at, running.c.deployment_id),
        tenure.c.artifact_id != running.c.artifact_id,
    )
    .order_by(tenure.c.since.desc(), tenure.c.published_at.desc(), tenure.c.deployment_id.desc())
    .limit(1)
)
_VERSION = sa.select(artifact.c.version).where(artifact.c.id == tenure.c.artifact_id).scalar_subquery()
_REMEMBER = (
    sa.update(running)
    .where(among_rows(_PLACE, "places"))
    .values(
        previous_version=_EARLIER.with_only_columns(_VERSION).correlate(running).scalar_subquery(),
        previous_since=_EARLIER.with_only_columns(tenure.c.since).correlate(running).scalar_subquery(),
    )
)
"""Built once. What ran before is looked up, and not carried on: something may have been heard of late."""


class Tenures:
    """What one evaluation has decided of what runs and ran."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._tenures: dict[int, dict[str, Any]] = {}
        self._results: dict[int, dict[str, Any]] = {}
        self._runs: dict[tuple[str, str, str], dict[str, Any]] = {}

    def came(self, decision: CameToRun) -> None:
        """A deployment came to run, now or long ago."""
        known = decision.deployment
        self._tenures[known.id] = {
            "deployment_id": known.id,
            "service": known.service,
            "environment": known.environment,
            "module_key": _key(known),
            "artifact_id": known.release.id,
            "published_at": known.release.published_at,
            "since": decision.since,
            "known_at": self._now,
        }

    def judged(self, known: Deployment) -> None:
        """Its gates have come to a result, or taken it back."""
        self._results[known.id] = {"deployment_id": known.id, "result": known.result, "result_at": self._now}

    def runs(self, service: str, decision: RunningChanged) -> None:
        """It is what runs now."""
        ran = decision.running
        artifact = ran.release.artifact
        key = module_key(artifact.group, artifact.name)
        self._runs[service, decision.environment, key] = {
            "service": service,
            "environment": decision.environment,
            "module_key": key,
            "module": artifact.module,
            "deployment_id": ran.deployment,
            "artifact_id": ran.release.id,
            "version": artifact.version,
            "published_at": ran.release.published_at,
            "since": ran.since,
        }

    def write(self, connection: sa.Connection) -> None:
        """Write the rows, in the order of their keys."""
        runs = [self._runs[each] for each in sorted(self._runs)]
        bulk.upsert(connection, running, runs, key=("service", "environment", "module_key"))
        bulk.insert_rows(connection, tenure, [self._tenures[each] for each in sorted(self._tenures)])
        results = [self._results[each] for each in sorted(self._results)]
        bulk.update_rows(connection, tenure, results, key=("deployment_id",))
        places = {(one["service"], one["environment"], one["module_key"]) for one in self._tenures.values()}
        if places:
            connection.execute(_REMEMBER, {"places": sorted(places)})


def _key(known: Deployment) -> str:
    artifact = known.release.artifact
    return module_key(artifact.group, artifact.name)
