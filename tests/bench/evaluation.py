"""One flow's evaluation, with few and with many services configured, and with little and much history in the log."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from statistics import median

import psycopg
from msgspec import Struct

from deploydb.store.engine import open_engine
from deploydb.store.promotion import evaluate
from deploydb.store.record import Arrival, record
from deploydb.wire.native import decode_fact
from tests.bench.stage import artifact, stage
from tests.servers import Servers

FLOWS = 200


class Setting(Struct, frozen=True, kw_only=True):
    """What one measurement is made in: how many services there are, and how many events are in the log before."""

    services: int = 10
    past: int = 0


def evaluation(servers: Servers, *settings: Setting) -> list[float]:
    """The median milliseconds of one flow's evaluation in each setting: claim, load, decide, save, commit.

    They take turns, flow by flow, so that whatever else the machine does is the same for all.
    """
    with ExitStack() as stack:
        measured = [stack.enter_context(_measuring(servers, setting)) for setting in settings]
        taken = [[measure(build) for measure in measured] for build in range(FLOWS)]
    return [median(column) * 1000 for column in zip(*taken, strict=True)]


@contextmanager
def _measuring(servers: Servers, setting: Setting) -> Iterator[Callable[[int], float]]:
    """Gives what evaluates one flow, and says how many seconds it took."""
    with stage(servers, setting.services) as made:
        catalog = made.catalog()
        _fill(made.database_url, setting.services, setting.past)
        engine = open_engine(made.database_url, name="bench")

        def measure(build: int) -> float:
            now = datetime.now(UTC)
            body = artifact(build % setting.services, build)
            record(engine, [Arrival(fact=decode_fact(body, arrived_at=now), body=body)], now)
            began = time.perf_counter()
            evaluated = evaluate(engine, catalog, datetime.now(UTC))
            taken = time.perf_counter() - began
            assert evaluated.flows == 1
            return taken

        yield measure
        engine.dispose()


def _fill(database_url: str, services: int, events: int) -> None:
    """A past of flows that are over: ten events each, among them the facts of two deployments."""
    given = {"flows": events // 10, "services": services, "events": events}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in _PAST:
            connection.execute(statement, given)
        connection.execute("ANALYZE")


_PAST = (
    """
    INSERT INTO artifact (module_key, version, "group", name, published_at, published_by, source, event_id, created_at)
    SELECT 'past' || (flow %% %(services)s::int), '0.' || flow, 'com.example', 's' || (flow %% %(services)s::int),
           now() - interval '400 days' + flow * interval '1 second', 'ci', 'ci', 'past-' || flow, now()
    FROM generate_series(0, %(flows)s::int - 1) AS flow
    """,
    """
    INSERT INTO flow (service, artifact_id, created_at) SELECT name, id, published_at FROM artifact
    """,
    """
    INSERT INTO deployment (flow_id, service, environment, artifact_id, version, kind, position, status, reason,
                            created_at, command, requested_at, deadline, result, open, finished_at, finished_source,
                            finished_event, outcome)
    SELECT flow.id, flow.service, environment, artifact.id, artifact.version, 'deploy', position, 'SUCCESS',
           'smoke passed', published_at, gen_random_uuid()::text, published_at, published_at + interval '1 hour',
           'SUCCESS', false, published_at + interval '1 minute', 'cd', gen_random_uuid()::text, 'succeeded'
    FROM flow JOIN artifact ON artifact.id = flow.artifact_id,
         (VALUES ('dev', 0), ('prod', 1)) AS stage (environment, position)
    """,
    """
    INSERT INTO verdict (deployment_id, promotion, outcome, reason, inputs, decided_at, created_at)
    SELECT id, 'smoke', 'PASS', 'smoke passed', '[]', finished_at, created_at FROM deployment
    """,
    """
    INSERT INTO event (source, id, type, time, recorded_at, service, environment, body)
    SELECT 'cd', 'past-' || number, 'deployment.finished', now() - interval '400 days', now() - interval '400 days',
           's' || (number %% %(services)s::int), CASE number %% 2 WHEN 0 THEN 'dev' ELSE 'prod' END,
           jsonb_build_object('type', 'deployment.finished', 'deployment', number, 'outcome', 'succeeded')
    FROM generate_series(0, %(events)s::int - 1) AS number
    """,
)
