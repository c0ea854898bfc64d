"""The effect of a word on holds, and on incidents: what stood before it in the log, compared with what stands by it."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from deploydb.domain.formatting import instant
from deploydb.domain.model.evidence import incident_of
from deploydb.domain.model.facts import AboutHold, AboutIncident, HoldPlaced, IncidentDetected
from deploydb.domain.model.overrides import Hold, unlifted
from deploydb.engine.statements import keep_latest
from deploydb.store.effects.recorded import Outcome, Recorded
from deploydb.store.incident_reports import incident_reports, key_of
from deploydb.store.journal import fact_text
from deploydb.store.tables import event
from deploydb.store.tables.deployments import is_rare
from deploydb.wire.native import decode_logged

_WORDS = sa.select(event.c.number, event.c.time, event.c.recorded_at, fact_text()).where(
    is_rare,
    event.c.type.in_(("hold.placed", "hold.lifted")),
    event.c.number < sa.bindparam("number"),
    event.c.service.is_not_distinct_from(sa.bindparam("service", type_=sa.Text)),
    event.c.environment.is_not_distinct_from(sa.bindparam("environment", type_=sa.Text)),
)

_AFTER_ALL = 2**63 - 1
"""After each row of the log."""


def outcome(connection: sa.Connection, recorded: Recorded, fact: AboutHold, now: datetime) -> Outcome:
    """Whether other holds stand, or are to begin, by a word than before it. Costs the words on that lane. Index:
    `ix_event_rare`."""
    word = Hold.of(fact, recorded.number, recorded_at=recorded.recorded_at)
    earlier = [one for one in _earlier(connection, recorded) if one.scope == word.scope]
    before, after = _standing(earlier, now), _standing([*earlier, word], now)
    if before != after:
        return True, None
    if word.is_over(now):
        return False, f"it ended at {instant(word.until or now)}"
    mine = [one for one in earlier if one.hold == word.hold or not (one.placed or word.placed)]
    last = max(mine, key=lambda one: one.at, default=None)
    if isinstance(fact, HoldPlaced):
        return False, f"a later word stands, {_author(last)}" if last is not None else "it was lifted before"
    if last is not None and not last.placed:
        return False, f"it was lifted before, {_author(last)}"
    return False, f"no such {fact.kind} stood then"


def incident_outcome(connection: sa.Connection, recorded: Recorded, fact: AboutIncident) -> Outcome:
    """Whether an incident is open by a report, or is over by it. Index: `ix_event_incident`."""
    lane = (event.c.service == fact.service, event.c.environment == fact.environment)
    reports = incident_reports(connection, *lane, event.c.number <= recorded.number).get(key_of(fact), [])
    after = incident_of(reports)
    if isinstance(fact, IncidentDetected):
        return (True, None) if after is not None and after.open else (False, "a later report says that it is over")
    before = incident_of(one for one in reports if one.event != recorded.number)
    if before is None or not before.open:
        return False, "no such incident was open then"
    return (False, "a later report says that it is open") if after is not None and after.open else (True, None)


def outcome_beforehand(connection: sa.Connection, fact: AboutHold, now: datetime) -> Outcome:
    """`outcome`, of a word that is not recorded yet."""
    return outcome(connection, _unrecorded(fact, now), fact, now)


def incident_beforehand(connection: sa.Connection, fact: AboutIncident) -> Outcome:
    """Whether a report of an incident that is not recorded yet would open it, or end it. Index: `ix_event_incident`."""
    if isinstance(fact, IncidentDetected):
        return True, None
    lane = (event.c.service == fact.service, event.c.environment == fact.environment)
    found = incident_reports(connection, *lane)
    if (known := incident_of(found.get(key_of(fact), []))) is not None and known.open:
        return True, None
    open_ = sorted(name for (_, _, name), reports in found.items() if (one := incident_of(reports)) and one.open)
    return False, f"it is not open; open there: {', '.join(name or '(without a name)' for name in open_) or 'none'}"


def _unrecorded(fact: AboutHold, now: datetime) -> Recorded:
    """The fact as the last one of the log."""
    return Recorded(
        number=_AFTER_ALL,
        recorded_at=now,
        publisher=None,
        service=fact.service,
        environment=fact.environment,
        deployment_id=None,
        fact=fact,
    )


def _earlier(connection: sa.Connection, recorded: Recorded) -> list[Hold]:
    """The words on holds with the same service and environment that the log has before this one."""
    given = {"number": recorded.number, "service": recorded.service, "environment": recorded.environment}
    found = []
    for row in connection.execute(_WORDS, given):
        fact = decode_logged(row.body.encode(), arrived_at=row.time)
        if isinstance(fact, AboutHold):
            named = fact.in_environment(recorded.environment)  # by its name of now
            found.append(Hold.of(named, row.number, recorded_at=row.recorded_at))
    return found


def _standing(words: Iterable[Hold], now: datetime) -> dict[tuple[str, ...], Hold]:
    latest: dict[tuple[str, ...], Hold] = {}
    for word in words:
        keep_latest(latest, word.key, word)
    return {one.key: one for one in unlifted(latest.values()) if not one.is_over(now)}


def _author(word: Hold) -> str:
    return f"by {word.by} at {instant(word.at.time)}"
