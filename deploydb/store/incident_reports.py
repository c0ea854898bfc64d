"""The reports of incidents, read from the log."""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.evidence import Incident
from deploydb.domain.model.facts import AboutIncident
from deploydb.store.journal import fact_text
from deploydb.store.tables import event
from deploydb.store.tables.deployments import is_incident
from deploydb.wire.native import decode_logged

Key = tuple[str, str, str]
"""The service, the environment, and the incident's name."""


def key_of(fact: AboutIncident) -> Key:
    """The incident that a fact reports."""
    return (fact.service, fact.environment, fact.incident or "")


def incident_reports(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> dict[Key, list[Incident]]:
    """All reports of the rows of the log that meet the conditions, by incident, in the order of the log.

    Those of another release of DeployDB that are no facts today are left out. Index: `ix_event_incident` by lanes, else
    `ix_event_rare`.
    """
    columns: tuple[Any, ...] = (
        event.c.number,
        event.c.time,
        event.c.recorded_at,
        event.c.environment,
        fact_text(),
    )
    statement = sa.select(*columns).where(is_incident, *conditions).order_by(event.c.number)
    found: dict[Key, list[Incident]] = defaultdict(list)
    for row in connection.execute(statement):
        try:
            fact = decode_logged(row.body.encode(), arrived_at=row.time)
        except MessageRejected:
            continue
        if isinstance(fact, AboutIncident):
            named = fact.in_environment(row.environment)  # by its name of now
            found[key_of(named)].append(Incident.of(named, row.number, recorded_at=row.recorded_at))
    return found
