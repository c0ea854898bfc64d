"""Incidents, folded from all reports of each in the log: one that comes late may be the first."""

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.evidence import Incident, incident_of
from deploydb.domain.model.facts import AboutIncident
from deploydb.store import bulk
from deploydb.store.journal import fact_text
from deploydb.store.list_parameters import among_rows
from deploydb.store.tables import event, incident
from deploydb.store.tables.deployments import is_incident
from deploydb.wire.native import decode_fact

_KEY = ("service", "environment", "name")
_FOLDED = ("open", "version", "reason", "url", "began_at", "recorded_at", "event")
_REPORTS = (
    sa.select(event.c.number, event.c.time, event.c.recorded_at, fact_text())
    .where(is_incident, among_rows((event.c.service, event.c.environment), "keys"))
    .order_by(event.c.number)
)


def settle_incidents(connection: sa.Connection, reported: Collection[AboutIncident]) -> None:
    """Set the rows of the incidents that were reported to what all their reports add up to.

    Their rows are written, and so locked, before: of two workers the later one sees the reports of both. Costs the
    reports of their lanes. Index: `ix_event_incident`.
    """
    wanted = {_key(fact) for fact in reported}
    if not wanted:
        return
    reports: dict[tuple[str, ...], list[Incident]] = defaultdict(list)
    lanes = sorted({(service, environment) for service, environment, _ in wanted})
    for row in connection.execute(_REPORTS, {"keys": lanes}):
        try:
            fact = decode_fact(row.body.encode(), arrived_at=row.time)
        except MessageRejected:  # of another release
            continue
        if isinstance(fact, AboutIncident) and (key := _key(fact)) in wanted:
            reports[key].append(Incident.of(fact, row.number, recorded_at=row.recorded_at))
    rows = []
    for incident_key, own in sorted(reports.items()):
        found = incident_of(own)
        if found is not None:
            rows.append(dict(zip(_KEY, incident_key, strict=True)) | {name: getattr(found, name) for name in _FOLDED})
    bulk.update_rows(connection, incident, rows, key=_KEY)


def _key(fact: AboutIncident) -> tuple[str, str, str]:
    return (fact.service, fact.environment, fact.incident or "")
