"""One flow's evaluation, with few and with many services configured, and with little and much history in the log."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from statistics import median

from msgspec import Struct

from deploydb.store.arrival import Arrival
from deploydb.store.engine import open_engine
from deploydb.store.promotion import evaluate
from deploydb.store.record import record
from tests.bench.stage import artifact, stage
from tests.history import fill
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
        fill(made.database_url, ends_at=datetime.now(UTC), services=setting.services, events=setting.past)
        engine = open_engine(made.database_url, name="bench")

        def measure(build: int) -> float:
            now = datetime.now(UTC)
            body = artifact(build % setting.services, build)
            record(engine, [Arrival.of(body, arrived_at=now)], now)
            began = time.perf_counter()
            evaluated = evaluate(engine, catalog, datetime.now(UTC))
            taken = time.perf_counter() - began
            assert evaluated.flows == 1
            return taken

        yield measure
        engine.dispose()
