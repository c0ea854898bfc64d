"""A batch and an evaluation cost a fixed number of statements, each of them a round trip to a server."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from deploydb.domain.model.catalog import Service
from deploydb.store.record import record
from tests.scenario import Scenario, catalog

MANY = 40
ARTIFACT = '{{"group":"{0}","name":"x","version":"{1}"}}'
FACT = '{{"type":"artifact.published","source":"ci","id":"{0}-{1}","artifact":%s}}' % ARTIFACT  # noqa: UP031
BATCH = 4
FIRST_EVALUATION, EVALUATION = 23, 17
"""The first one of a service makes its row, looks at what was decided by other stages, and sends a command."""


@contextmanager
def counting(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that are sent meanwhile, but for SQLite's own `BEGIN`."""
    sent: list[str] = []

    def note(*given: object) -> None:
        if given[2] != "BEGIN IMMEDIATE":
            sent.append(" ".join(str(given[2]).split())[:100])

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("services", [1, MANY])
def test_a_batch_and_an_evaluation_take_so_many_statements(database_url: str, services: int) -> None:
    names = [f"s{number}" for number in range(services)]
    more = {"pipelines": ("main",), "promotions": ("smoke",)}
    listed = (Service(ident=name, artifacts=(f"{name}:x",), **more) for name in names)
    with Scenario(database_url, catalog(*listed)) as world:
        for version, statements in (("1.0", FIRST_EVALUATION), ("1.1", EVALUATION)):
            arrivals = [world.arrival(FACT.format(name, version).encode()) for name in names]
            with counting(world.engine) as batch:
                assert record(world.engine, arrivals, world.now).stored == services
            with counting(world.engine) as evaluation:
                assert world.evaluate().flows == services
            assert len(batch) == BATCH, "\n".join(batch)
            assert len(evaluation) == statements, "\n".join(evaluation)
