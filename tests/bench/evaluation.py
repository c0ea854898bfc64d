"""One flow's evaluation, with few and with many services configured, and with little and much history in the log."""

import time
from datetime import UTC, datetime
from statistics import median

from deploydb.store.engine import open_engine
from deploydb.store.promotion import evaluate
from deploydb.store.record import Arrival, record
from deploydb.wire.native import decode_fact
from tests.bench.stage import artifact, stage
from tests.servers import Servers

FLOWS = 200


def evaluation(servers: Servers, services: int) -> float:
    """The median milliseconds of one flow's evaluation: claim, load, decide, save, commit."""
    with stage(servers, services) as made:
        catalog = made.catalog()
        engine = open_engine(made.database_url, name="bench")
        taken = []
        for build in range(FLOWS):
            now = datetime.now(UTC)
            body = artifact(build % services, build)
            record(engine, [Arrival(fact=decode_fact(body, arrived_at=now), body=body)], now)
            began = time.perf_counter()
            evaluated = evaluate(engine, catalog, datetime.now(UTC))
            taken.append(time.perf_counter() - began)
            assert evaluated.flows == 1
        engine.dispose()
    return median(taken) * 1000
