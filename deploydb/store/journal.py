"""DeployDB's own decisions as log rows, with the ids they gave out: a rebuild replays them and never decides again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from deploydb.store import rows
from deploydb.store.tables import event

SOURCE = "deploydb"


class Journal:
    """Collects what was decided in one transaction and writes it in one statement."""

    def __init__(self, now: datetime, catalog: str) -> None:
        self._now = now
        self._catalog = catalog
        self._entries: list[dict[str, Any]] = []

    def note(self, what: str, *, service: str, environment: str | None = None, **told: Any) -> None:  # noqa: ANN401
        """One decision: `what` in the past tense, and whatever a replay needs, with the catalog it was made by."""
        ident = str(uuid4())
        body = {"type": what, "id": ident, "source": SOURCE, "time": self._now, "service": service}
        body |= {"environment": environment} if environment is not None else {}
        body |= {name: value for name, value in told.items() if value is not None}
        self._entries.append(
            {
                "source": SOURCE,
                "id": ident,
                "type": what,
                "time": self._now,
                "recorded_at": self._now,
                "service": service,
                "environment": environment,
                "body": {**body, "catalog": self._catalog},
            }
        )

    def write(self, connection: sa.Connection) -> None:
        """Append the entries to the log."""
        rows.insert_rows(connection, event, self._entries)

    @property
    def entries(self) -> Sequence[dict[str, Any]]:
        """What has been noted so far."""
        return self._entries
