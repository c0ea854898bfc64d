"""DeployDB's own decisions as log rows, with the ids they gave out: a rebuild replays them and never decides again."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from deploydb.domain.model.facts import OWN_SOURCE, fact_types, type_of
from deploydb.store import bulk
from deploydb.store.columns import BigId
from deploydb.store.tables import event

_FACTS = tuple(map(type_of, fact_types()))
EXPLANATIONS = "service.evaluated"
"""The type of the events that have explanations, and closed deployments: for the fold of the log, not for people."""
_ID = "^[1-9][0-9]{0,17}$"
"""An id as JSON has it, below 10**18: it fits into 64 bits."""


def is_own(log: sa.FromClause = event) -> sa.ColumnElement[bool]:
    """Whether a row of the log is DeployDB's own decision: the fields of decisions are read from no other row.

    Both columns are beyond a fact's reach: its type is one of a fixed list, and `wire` refuses this source.
    """
    return sa.and_(log.c.source == OWN_SOURCE, log.c.type.not_in(_FACTS))


def own_id(name: str, log: sa.FromClause = event) -> sa.ColumnElement[int | None]:
    """The id that a decision has in a field; NULL where the row is no decision, or the field is no id.

    Never an error, whatever the row holds and in whatever order the database evaluates conditions.
    """
    text = sa.cast(log.c.body[name], sa.Text)
    return sa.case((sa.and_(is_own(log), text.regexp_match(_ID)), sa.cast(text, BigId)))


def fact_text() -> sa.Label[str]:
    """A row's body as the JSON that is stored, as `body`: for what reads facts as they came, or hands them on."""
    return sa.type_coerce(sa.cast(event.c.body, sa.Text), sa.Text).label("body")


class Journal:
    """Collects what was decided in one transaction and writes it in one statement."""

    def __init__(self, now: datetime, catalog: str | None = None) -> None:
        self._now = now
        self._catalog = catalog
        self._entries: list[dict[str, Any]] = []

    def note(self, what: str, *, service: str | None = None, environment: str | None = None, **message: Any) -> None:  # noqa: ANN401
        """One decision: `what` in the past tense, and whatever a replay needs, with the catalog it was made by."""
        message["catalog"] = self._catalog
        ident = str(uuid4())
        body = {"type": what, "id": ident, "source": OWN_SOURCE, "time": self._now}
        body |= {"service": service} if service is not None else {}
        body |= {"environment": environment} if environment is not None else {}
        body |= {name: value for name, value in message.items() if value is not None}
        self._entries.append(
            {
                "source": OWN_SOURCE,
                "id": ident,
                "type": what,
                "time": self._now,
                "recorded_at": self._now,
                "service": service,
                "environment": environment,
                "body": body,
            }
        )

    def write(self, connection: sa.Connection) -> None:
        """Append the entries to the log."""
        bulk.insert_rows(connection, event, self._entries)
