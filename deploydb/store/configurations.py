"""The configurations in force: each change is an event of the log, with the files that it changed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from uuid import uuid4

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import Renaming
from deploydb.domain.model.facts import OWN_SOURCE
from deploydb.domain.model.reasons import ConfigurationChanged
from deploydb.store import bulk
from deploydb.store.command_queues import name_queues
from deploydb.store.engine import transact
from deploydb.store.environment_names import CHANGED
from deploydb.store.journal import is_own
from deploydb.store.messages import configuration_notification
from deploydb.store.outbox import add_notifications
from deploydb.store.renames import begin, planned, rename
from deploydb.store.revision import advance
from deploydb.store.tables import configuration_file, event
from deploydb.store.wanted_notifications import name_wanted

_LOCK = 7_237_002
"""Any number that no other advisory lock in this database has."""
_IN_FORCE = (
    sa.select(event.c.number, event.c.recorded_at, event.c.who, event.c.body["digest"].as_string().label("digest"))
    .where(is_own(), event.c.type == sa.literal(CHANGED, literal_execute=True))
    .order_by(event.c.number.desc())
    .limit(1)
)

ENVIRONMENTS = "environments"
"""The folder of their files."""
Differences = Callable[[Mapping[str, str], Mapping[str, str]], Sequence[str]]


class InForce(Struct, frozen=True, kw_only=True):
    """A configuration: since when it was in force, the host that had it first, and its files by their paths."""

    event: int
    digest: str
    since: datetime
    host: str
    files: dict[str, str]


def digest_in_force(connection: sa.Connection) -> str | None:
    """The digest of the catalog that promotion uses; None before the first one."""
    row = connection.execute(_IN_FORCE).one_or_none()
    return row.digest if row is not None else None


def record_configuration(
    engine: sa.Engine, catalog: Catalog, files: Mapping[str, str], now: datetime, *, host: str, differences: Differences
) -> bool:
    """Note in the log that another configuration is in force, of several workers by the first. Whether it was noted."""

    def work(connection: sa.Connection) -> bool:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        name_queues(connection, catalog.orchestrators())
        name_wanted(connection, catalog.notification_types)
        before = configuration_at(connection)
        if before is not None and before.digest == catalog.digest:
            return False
        known = before.files if before is not None else {}
        changed = differences(known, files) if before is not None else None
        plan = planned(connection, catalog, environments_of(before))
        if plan.is_any:
            begin(connection, plan)
        number = _note(connection, catalog, now, host, tuple(changed) if changed is not None else None, before, plan)
        if plan.is_any:
            rename(connection, plan)
        rows = [
            {"event": number, "path": path, "content": files.get(path)}
            for path in sorted(known.keys() | files.keys())
            if known.get(path) != files.get(path)
        ]
        bulk.insert_rows(connection, configuration_file, rows)
        if not plan.is_any:
            advance(connection)
        return True

    return transact(engine, work)


def configuration_at(connection: sa.Connection, at: datetime | None = None) -> InForce | None:
    """The configuration in force at a time, or now; None where none was. Index: `ix_event_rare`."""
    statement = _IN_FORCE
    if at is not None:
        statement = statement.where(event.c.recorded_at <= at)
    row = connection.execute(statement).first()
    if row is None:
        return None
    kept = connection.execute(
        sa.select(configuration_file.c.path, configuration_file.c.content)
        .where(configuration_file.c.event <= row.number)
        .order_by(configuration_file.c.event)
    )
    files = {one.path: one.content for one in kept}
    return InForce(
        event=row.number,
        digest=row.digest,
        since=row.recorded_at,
        host=row.who,
        files={path: content for path, content in sorted(files.items()) if content is not None},
    )


def environments_of(found: InForce | None) -> frozenset[str] | None:
    """The environments of a configuration, by the names of their files; None of none."""
    if found is None:
        return None
    return frozenset(PurePath(path).stem for path in found.files if path.startswith(f"{ENVIRONMENTS}/"))


def _note(
    connection: sa.Connection,
    catalog: Catalog,
    now: datetime,
    host: str,
    differences: tuple[str, ...] | None,
    before: InForce | None,
    plan: Renaming,
) -> int:
    id_ = str(uuid4())
    body = {"type": CHANGED, "id": id_, "source": OWN_SOURCE, "time": now, "digest": catalog.digest, "host": host}
    body |= {"previous": before.digest} if before is not None else {}
    if plan.is_any:
        body["renamed"] = plan.renamed
    carried = plan.carried or None
    reason = ConfigurationChanged(host=host, digest=catalog.digest, differences=differences, renamed=carried)
    body["reason"] = reason
    row = {"source": OWN_SOURCE, "id": id_, "type": CHANGED, "time": now, "recorded_at": now, "who": host, "body": body}
    (made,) = bulk.insert_rows(connection, event, [row], returning=("number",))
    if "configuration.changed" in catalog.notification_types:
        add_notifications(connection, [configuration_notification(reason, now)], now)
    number: int = made.number
    return number
