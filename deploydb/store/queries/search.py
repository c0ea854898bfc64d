"""What runs, by the beginning of its version or by its artifact: for suggestions."""

from collections.abc import Collection

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.columns import viewed
from deploydb.store.list_parameters import among
from deploydb.store.tables import current_version

MOST = 200
"""Lanes of one answer."""


class RunsView(Struct, frozen=True, kw_only=True):
    """An artifact that a lane runs."""

    artifact: int
    service: str
    environment: str
    version: str


_RUNS = sa.select(*viewed(RunsView, current_version, artifact=current_version.c.artifact_id))
_NEWEST_FIRST = (current_version.c.live_at.desc(), current_version.c.service, current_version.c.environment)


def running_by_version(connection: sa.Connection, prefix: str, services: Collection[str] = ()) -> list[RunsView]:
    """The lanes of some services, or of all, that run a version that begins so, in capitals or small letters; the last
    deployed first.

    Reads `current_version`, which has a row a lane and module however much has been deployed; of some services by its
    primary key.
    """
    begins = current_version.c.version.istartswith(prefix, autoescape=True)
    wanted = [begins, among(current_version.c.service, sorted(services))] if services else [begins]
    found = connection.execute(_RUNS.where(*wanted).order_by(*_NEWEST_FIRST).limit(MOST))
    return [RunsView(**row._mapping) for row in found]


def running_artifacts(connection: sa.Connection, artifacts: Collection[int]) -> list[RunsView]:
    """The lanes that run some artifacts. Reads `current_version`."""
    wanted = _RUNS.where(among(current_version.c.artifact_id, sorted(artifacts)))
    found = connection.execute(wanted.order_by(*_NEWEST_FIRST).limit(MOST)) if artifacts else ()
    return [RunsView(**row._mapping) for row in found]
