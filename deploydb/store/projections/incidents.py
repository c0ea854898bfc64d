"""Incidents, folded from all reports of each in the log: one that comes late may be the first."""

from collections.abc import Collection

import sqlalchemy as sa

from deploydb.domain.model.evidence import incident_of
from deploydb.domain.model.facts import AboutIncident
from deploydb.store import bulk
from deploydb.store.incident_reports import incident_reports, key_of
from deploydb.store.list_parameters import among_rows
from deploydb.store.tables import event, incident

_KEY = ("service", "environment", "name")
_FOLDED = ("open", "version", "reason", "url", "began_at", "recorded_at", "event")
_NAME = sa.func.coalesce(event.c.body["incident"].as_string(), "")


def settle_incidents(connection: sa.Connection, reported: Collection[AboutIncident]) -> None:
    """Set the rows of the incidents that were reported to what all their reports add up to.

    Their rows are written, and so locked, before: of two workers the later one sees the reports of both. Decodes
    all reports of these incidents, and looks at the names of the others in their lanes. Index: `ix_event_incident`.
    """
    wanted = {key_of(fact) for fact in reported}
    if not wanted:
        return
    named = among_rows((event.c.service, event.c.environment, _NAME), sorted(wanted))
    rows = []
    for key, reports in sorted(incident_reports(connection, named).items()):
        found = incident_of(reports)
        if found is not None:
            rows.append(dict(zip(_KEY, key, strict=True)) | {name: getattr(found, name) for name in _FOLDED})
    bulk.update_rows(connection, incident, rows, key=_KEY)
