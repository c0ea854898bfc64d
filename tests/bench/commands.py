"""From an artifact to its deploy command: latency at a steady rate, and the relay's rate on a full outbox."""

import threading
import time
from datetime import UTC, datetime, timedelta

from deploydb.broker.open import open_inbound, open_outbound
from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, command_queue
from deploydb.wire.native import decode_command
from tests.bench.stage import Stage, artifact, stage, when
from tests.servers import Servers

FLOWS_PER_SECOND = 100


def latency(servers: Servers, seconds: int) -> tuple[float, float]:
    """p50 and p99 in milliseconds from publishing an artifact to its command's arrival at the orchestrator's queue."""
    flows = FLOWS_PER_SECOND * seconds
    with stage(servers, flows) as made, made.workers("ingest", "promote", "relay"):
        warm(made)
        published: dict[str, float] = {}
        arrived: dict[str, float] = {}
        orchestrator = threading.Thread(target=take, args=(made, arrived, flows))
        orchestrator.start()
        with open_outbound(made.broker_url, name="bench") as outbound:
            began = time.perf_counter()
            for number in range(1, flows):
                time.sleep(max(0.0, began + number / FLOWS_PER_SECOND - time.perf_counter()))
                published[f"s{number}"] = time.perf_counter()
                outbound.publish([message(number)])
        orchestrator.join()
    taken = sorted(arrived[service] - sent for service, sent in published.items())
    return taken[len(taken) // 2] * 1000, taken[int(len(taken) * 0.99)] * 1000


def relay(servers: Servers, messages: int) -> float:
    """Commands a second that one relay process publishes with confirms and marks sent."""
    with stage(servers, 1) as made, made.counting() as count:
        count(
            "WITH made AS (INSERT INTO outbox (message_id, exchange, routing_key, body, created_at, due_at)"
            " SELECT gen_random_uuid(), 'deploydb.commands', 'dev.s0.deploy', repeat('x', 700), now(), now()"
            f" FROM generate_series(1, {messages}) RETURNING 1) SELECT count(*) FROM made"
        )
        with made.workers("relay"):
            sent = "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL"
            began, first = when(lambda: count(sent), at_least=1)
            ended, last = when(lambda: count(sent), at_least=messages)
    return (last - first) / (ended - began)


def warm(made: Stage) -> None:
    """One release through the workers, so that all of them are up; its service takes no part afterwards."""
    with open_outbound(made.broker_url, name="bench") as outbound:
        outbound.publish([message(0)])
    with made.counting() as count:
        when(lambda: count("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL"), at_least=1)


def message(service: int) -> Message:
    stamped = artifact(service, 1).replace(b"2026-11-22T12:00:00Z", datetime.now(UTC).isoformat().encode())
    return Message(exchange=EVENTS, routing_key="artifact.published", body=stamped, message_id=f"s{service}")


def take(made: Stage, arrived: dict[str, float], flows: int) -> None:
    until = time.perf_counter() + 60 + flows / FLOWS_PER_SECOND
    with open_inbound(made.broker_url, command_queue("default"), name="bench") as inbound:
        while len(arrived) < flows and time.perf_counter() < until:
            deliveries = inbound.receive(100, timedelta(seconds=1))
            now = time.perf_counter()
            for delivery in deliveries:
                arrived[decode_command(delivery.body).service] = now
            if deliveries:
                inbound.ack(deliveries)
