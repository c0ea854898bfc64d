"""Building blocks for tests that tell a story: a small catalog, facts as bodies, and a store that is fed with them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any

import sqlalchemy as sa

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.catalog import After, Catalog, Environment, Parallel, Pipeline, Service, Stage
from deploydb.domain.model.commands import EXCHANGE, NOTIFICATIONS, DeployCommand
from deploydb.store import outbox
from deploydb.store.arrival import Arrival
from deploydb.store.engine import open_engine, reading
from deploydb.store.promotion import Evaluated, evaluate
from deploydb.store.record import Recorded, record
from deploydb.store.tables import deployment
from deploydb.wire.native import decode_command

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def catalog(
    *services: Service,
    stages: tuple[Stage, ...] = (
        Stage(environment="dev"),
        Stage(environment="prod", after=After(environments=("dev",))),
    ),
    promotions: tuple[Promotion, ...] = (),
    entry: dict[str, tuple[str, ...]] | None = None,
    parallel: tuple[Parallel, ...] = (),
    **more: Any,
) -> Catalog:
    """Services (by default foo, of com.example:foo, asking for smoke) on one pipeline, dev → prod by default.

    `entry`: promotions by environment; `more` as for `Catalog`.
    """
    known = services or (
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",)),
    )
    everywhere = (
        VerificationPromotion(ident="smoke"),
        SoakPromotion(ident="soak", duration=timedelta(hours=2)),
        ManualPromotion(ident="manual"),
    )
    return Catalog(
        services={service.ident: service for service in known},
        environments={
            stage.environment: Environment(ident=stage.environment, entry=(entry or {}).get(stage.environment, ()))
            for stage in stages
        },
        pipelines={"main": Pipeline(ident="main", stages=stages, parallel=parallel)},
        promotions={promotion.ident: promotion for promotion in (*everywhere, *promotions)},
        digest="test",
        **more,
    )


@lru_cache(maxsize=4)
def _engine(database_url: str) -> sa.Engine:
    """One for all the histories that a test plays at one address: it keeps the statements that it has compiled."""
    engine = open_engine(database_url, name="tests")
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _do_not_sync)
    return engine


def _do_not_sync(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")  # no test of a scenario loses its machine's power


class Scenario:
    """A store with a clock of its own. Facts go in as messages would; `deploy` plays the orchestrator."""

    def __init__(self, database_url: str, known: Catalog | None = None) -> None:
        self.engine = _engine(database_url)
        self.catalog = known or catalog()
        self.now = NOON
        self._ids = count(1)

    def __enter__(self) -> "Scenario":
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()

    def publish(self, version: str, *, name: str = "foo", **fields: Any) -> Recorded:
        """`artifact.published` of com.example:NAME; `artifact` fields by `artifact=`, the fact's by their names."""
        artifact = {"group": "com.example", "name": name, "version": version} | fields.pop("artifact", {})
        return self.tell("artifact.published", artifact=artifact, **fields)

    def tell(self, what: str, **fields: Any) -> Recorded:
        """One fact, at the world's time unless it has its own, by a publisher with the name of its source."""
        fact = {"type": what, "id": f"{what}-{next(self._ids)}", "source": "tests", "time": self.now.isoformat()}
        body = json.dumps(fact | fields).encode()
        return record(self.engine, [self.arrival(body, str(fields.get("source", "tests")))], self.now)

    def arrival(self, body: bytes, publisher: str | None = "tests") -> Arrival:
        """A message's body as ingest hands it to the store."""
        return Arrival.of(body, arrived_at=self.now, publisher=publisher)

    def evaluate(self, **later: float) -> Evaluated:
        """One round of promotion, after moving the clock by `timedelta(**later)`."""
        self.now += timedelta(**later)
        first = evaluated = evaluate(self.engine, self.catalog, self.now)
        for _ in range(10):
            if not evaluated.more:
                break
            evaluated = evaluate(self.engine, self.catalog, self.now)
        return first

    def commands(self) -> list[DeployCommand]:
        """The commands that wait in the outbox, taken out of it as sent."""
        return [decode_command(one.body) for one in self._sent() if one.exchange == EXCHANGE]

    def notifications(self) -> list[dict[str, Any]]:
        """The notifications that wait in the outbox, all of which is taken out of it as sent."""
        return [json.loads(one.body) for one in self._sent() if one.exchange == NOTIFICATIONS]

    def _sent(self) -> list[outbox.Outgoing]:
        leased = outbox.lease(self.engine, self.now, limit=1000, duration=timedelta(seconds=30))
        outbox.settle(self.engine, [one.id for one in leased], {}, self.now)
        return leased

    def deploy(self, outcome: str = "succeeded") -> list[DeployCommand]:
        """Play the orchestrator: take each command, report it started and finished, and let promotion see it."""
        taken = self.commands()
        for command in taken:
            self.tell("deployment.started", command=command.id)
            self.tell("deployment.finished", command=command.id, outcome=outcome)
        self.evaluate()
        return taken

    def statuses(self, version: str) -> dict[str, str]:
        """The status of a version in each environment."""
        return {row.environment: row.status for row in self.rows(deployment) if row.version == version}

    def rows(self, table: sa.Table) -> list[Any]:
        """A table's rows, in the order of its primary key."""
        return list(self._rows(table))

    def _rows(self, table: sa.Table) -> Iterator[Any]:
        with reading(self.engine) as connection:
            yield from connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
