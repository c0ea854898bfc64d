"""Runs the measurements and prints them as a table, each beside what it is compared with."""

import os
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tests.bench.commands import latency, relay
from tests.bench.evaluation import Setting, evaluation
from tests.bench.ingest import celery, ingest
from tests.bench.query import TWELVE, Answering, answering
from tests.bench.restarts import restarts
from tests.servers import Servers

Row = tuple[str, str, str, str]


def main() -> None:
    """Measure all, or those whose names start with an argument."""
    wanted = tuple(sys.argv[1:]) or ("",)
    table = Table(title=f"DeployDB on {os.cpu_count()} cores shared by clients, RabbitMQ and PostgreSQL (fsync on)")
    for heading in ("measured", "figure", "target", "compared"):
        table.add_column(heading)
    with Servers.temporary() as servers:
        for name, measure in (
            ("ingest", _ingest),
            ("latency", _latency),
            ("relay", _relay),
            ("restarts", _restarts),
            ("evaluation", _evaluation),
            ("query", _query),
            ("pages", _pages),
        ):
            if name.startswith(wanted):
                for row in measure(servers):
                    print("  ".join(row), file=sys.stderr, flush=True)
                    table.add_row(*row)
    Console().print(table)


def _ingest(servers: Servers) -> Iterator[Row]:
    one = ingest(servers, workers=1, events=60_000)
    yield "ingest, 1 worker", f"{one:,.0f} events/s", "≥ 8,000", ""
    four = ingest(servers, workers=4, events=160_000)
    yield "ingest, 4 workers", f"{four:,.0f} events/s", "≥ 25,000", f"{four / one:.1f} × one worker"
    peer = celery(servers, events=10_000)
    yield "Celery, prefork 4, a task an event", f"{peer:,.0f} events/s", "", f"DeployDB with 4: {four / peer:.1f} ×"


def _latency(servers: Servers) -> Iterator[Row]:
    p50, p99 = latency(servers, seconds=20)
    yield "artifact → command at 100 flows/s", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms", "p99 ≤ 100 ms", ""


def _relay(servers: Servers) -> Iterator[Row]:
    yield "relay, 1 worker", f"{relay(servers, messages=20_000):,.0f} commands/s", "", ""


def _restarts(servers: Servers) -> Iterator[Row]:
    before, worst, longest = restarts(servers, apart=15)
    figure = f"p99 {before:.0f} ms, at most {worst:.0f} ms, higher for {longest} s"
    yield "artifact → command at 20 flows/s, each worker restarted", figure, "higher for ≤ 5 s", ""


def _evaluation(servers: Servers) -> Iterator[Row]:
    few, many, old = evaluation(
        servers, Setting(services=10, past=1_000), Setting(services=10_000, past=1_000), Setting(past=1_000_000)
    )
    yield "one flow's evaluation, 10 services, 1,000 events", f"{few:.1f} ms", "", ""
    yield "one flow's evaluation, 10,000 services", f"{many:.1f} ms", "the same", f"{many / few:.2f} × 10 services"
    yield "one flow's evaluation, 1,000,000 events", f"{old:.1f} ms", "the same", f"{old / few:.2f} × 1,000 events"


def _query(servers: Servers) -> Iterator[Row]:
    with answering(servers, services=1_000, events=1_000_000) as service:
        p50, p99, _ = service.cold("/api/status", times=100)
        figure = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        yield "matrix of 1,000 × 5, 50 lanes changed before each, 1,000,000 events", figure, "p99 ≤ 150 ms", ""
        for what, path, target in (
            ("one deployment", "/api/deployments/4711", "≥ 3,000"),
            ("many deployments in turn", "/api/deployments/%d", ""),
            ("the matrix again, unchanged", "/api/status", ""),
        ):
            yield f"{what}, 1 process", f"{service.requests(path):,.0f} requests/s", target, ""
        yield "the matrix, 304", f"{service.requests('/api/status', unchanged=True):,.0f} requests/s", "", ""
        yield (
            "one deployment, 304",
            f"{service.requests('/api/deployments/4711', unchanged=True):,.0f} requests/s",
            "",
            "",
        )


def _pages(servers: Servers) -> Iterator[Row]:
    with answering(servers, services=60, events=200_000, environments=TWELVE) as service:
        yield from _pages_of(service, "60 × 12")
    with answering(servers, services=1_000, events=200_000) as service:
        yield from _pages_of(service, "1,000 × 5")


def _pages_of(service: Answering, size: str) -> Iterator[Row]:
    for path in ("/status", "/inbox"):
        p50, p99, length = service.cold(path, times=40, accept="text/html")
        figure = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, {length / 1024:.0f} KiB"
        yield f"{path} of {size}, lanes changed before each", figure, "p50 ≤ 150 ms, ≤ 200 KiB", ""


if __name__ == "__main__":
    main()
