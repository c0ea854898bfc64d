"""A rolling restart under load: for how long artifacts take longer to become commands."""

import threading
import time

from deploydb.broker.open import open_outbound
from tests.bench.commands import message, take, warm
from tests.bench.stage import Stage, stage
from tests.cluster import Process
from tests.servers import Servers

FLOWS_PER_SECOND = 20
PROCESSES = ("ingest", "promote", "relay")
"""Those on the way from an artifact to its command."""


def restarts(servers: Servers, *, apart: int) -> tuple[float, float, int]:
    """Each process ends by SIGTERM and starts again, `apart` seconds one after the other.

    The p99 in milliseconds of the worst second before, that of the worst second after, and the most seconds after a
    restart until a second is no worse than before.
    """
    flows = FLOWS_PER_SECOND * apart * (len(PROCESSES) + 1)
    with stage(servers, flows) as made:
        running = {name: made.start(name) for name in PROCESSES}
        warm(made)
        published: dict[str, float] = {}
        arrived: dict[str, float] = {}
        began = time.perf_counter()
        orchestrator = threading.Thread(target=take, args=(made, arrived, flows))
        restarter = threading.Thread(target=_restart, args=(made, running, began, apart))
        for thread in (orchestrator, restarter):
            thread.start()
        with open_outbound(made.broker_url, name="bench") as outbound:
            for number in range(1, flows):
                time.sleep(max(0.0, began + number / FLOWS_PER_SECOND - time.perf_counter()))
                published[f"s{number}"] = time.perf_counter()
                outbound.publish([message(number)])
        for thread in (orchestrator, restarter):
            thread.join()
    seconds: dict[int, list[float]] = {}
    for service, sent in published.items():
        seconds.setdefault(int(sent - began), []).append(arrived[service] - sent)
    worst = {second: _p99(taken) for second, taken in sorted(seconds.items())}
    before = max(found for second, found in worst.items() if second < apart)
    longest = max(_until_well(worst, before, (place + 1) * apart) for place in range(len(PROCESSES)))
    return before * 1000, max(worst.values()) * 1000, longest


def _restart(made: Stage, running: dict[str, Process], began: float, apart: int) -> None:
    for place, name in enumerate(PROCESSES):
        time.sleep(max(0.0, began + (place + 1) * apart - time.perf_counter()))
        process = running[name]
        process.terminate()
        process.wait(30)
        made.start(name)


def _p99(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


def _until_well(worst: dict[int, float], before: float, restarted: int) -> int:
    """How many seconds pass from the restart until one that is no worse than those before all restarts."""
    return next(
        (second - restarted for second in sorted(worst) if second >= restarted and worst[second] <= before),
        max(worst) - restarted,
    )
