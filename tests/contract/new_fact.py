"""A type of fact that DeployDB lacks: a struct and a table, and no line elsewhere. Prints what each reader makes of it.

Run in a process of its own: the types of facts are read when modules are imported.
"""

import json
import sys
from datetime import timedelta

import sqlalchemy as sa

from deploydb.domain.model.artifact import Name
from deploydb.domain.model.facts import Fact
from deploydb.domain.model.projection import Projection
from deploydb.store.tables import metadata
from deploydb.store.tables.base import fact_columns


class TicketFiled(Fact, frozen=True, kw_only=True, tag="unheard.of"):
    """A ticket about a service."""

    if "undeclared" not in sys.argv:
        projection = Projection(table="unheard_of", replay="standing", change="ticket", detail="ticket")

    service: Name
    ticket: Name
    by: Name
    version: Name | None = None


ticket = sa.Table(
    "unheard_of",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("ticket", sa.Text, primary_key=True),
    sa.Column("version", sa.Text),
    *fact_columns(),
)

from deploydb.cli.publish import publish  # noqa: E402  # after the fact
from deploydb.simulation import RecordedHistory, Replay  # noqa: E402
from deploydb.store.engine import reading  # noqa: E402
from deploydb.store.queries.blame import changes_between  # noqa: E402
from deploydb.store.queries.changes import changes  # noqa: E402
from deploydb.store.queries.replay import entries  # noqa: E402
from deploydb.store.tables import evaluation_request, event  # noqa: E402
from tests.scenario import NOON, Scenario, catalog  # noqa: E402


def main(url: str) -> None:
    """Report a ticket twice, the later word first."""
    with Scenario(url) as world:
        metadata.create_all(world.engine)
        world.now = NOON + timedelta(hours=1)
        for minutes, version in ((2, "1.1"), (1, "1.0")):
            time = (NOON + timedelta(minutes=minutes)).isoformat()
            world.tell("unheard.of", service="foo", ticket="T-1", by="ann", version=version, time=time)
        with reading(world.engine) as connection:
            found = changes_between(connection, NOON, world.now, service=None, environment=None)
            followed = changes(connection, [1, 2])
            replayed = list(entries(connection, [], since=world.now + timedelta(days=1)))
        Replay(catalog(), RecordedHistory(replayed, ()), until=world.now).run()
        answer = {
            "kept": [(row.service, row.ticket, row.version, row.event) for row in world.rows(ticket)],
            "logged": [(row.type, row.who, row.service) for row in world.rows(event)],
            "requests": [row.service for row in world.rows(evaluation_request)],
            "blame": [(one.type, one.detail, one.who) for one in found],
            "followed": [one.version for one in followed],
            "replayed": len(replayed),
            "publish": "unheard.of" in publish.list_commands(None),  # type: ignore[arg-type]
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
