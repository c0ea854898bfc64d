"""Relay: the outbox to the broker, with confirms.

A row is leased, published, and marked sent after the broker's confirm. A crash after the publish sends it again, with
the same message id. What comes back, or is refused, stays on its row with the reason, and is tried again later.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import get_args

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deploydb.broker.port import Message, Outbound, ReceiptState
from deploydb.broker.topology import COMMANDS, EVENTS, NOTIFICATIONS
from deploydb.domain.model.errors import Transient
from deploydb.domain.model.trace import TraceContext, trace_context
from deploydb.http.metrics import ResultCounter
from deploydb.store import notifications, outbox
from deploydb.store.clock import DatabaseClock
from deploydb.store.schema import require_current
from deploydb.tracing import Span, messaging
from deploydb.wire.native import COMMAND_CONTENT_TYPE, FACT_CONTENT_TYPE, NOTIFICATION_CONTENT_TYPE

from .command_queues import CommandQueues
from .intervals import Every, seconds_since, wait_until
from .loop import Worker
from .process import Process

LIMIT = 500
LEASE = timedelta(seconds=10)
"""Longer than any batch takes; so long is what a killed relay had in hand kept from the others."""
COUNT_EVERY_SECONDS = 2.0
PRUNE_EVERY_SECONDS = 60.0
PRUNED = 5000
"""At most so many at a time, by each relay: 83 a second."""

_CONTENT_TYPES = {COMMANDS: COMMAND_CONTENT_TYPE, NOTIFICATIONS: NOTIFICATION_CONTENT_TYPE, EVENTS: FACT_CONTENT_TYPE}


class RelayMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages: ResultCounter[ReceiptState] = ResultCounter(
            Counter(
                "deploydb_relay_messages_total",
                "Messages published, by the broker's answer: confirmed, returned (no queue is bound) or refused.",
                ["result"],
                registry=registry,
            ),
            get_args(ReceiptState),
        )
        self.batch_seconds = Histogram(
            "deploydb_relay_batch_seconds",
            "From the lease of a batch to its stored answers.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30),
            registry=registry,
        )
        self.pruned = Counter(
            "deploydb_outbox_pruned_messages_total",
            "Messages removed from the outbox, 90 days after they were sent.",
            registry=registry,
        )
        self.waiting = Gauge(
            "deploydb_outbox_pending_messages", "Messages in the outbox that are not sent.", registry=registry
        )
        self.oldest_seconds = Gauge(
            "deploydb_outbox_oldest_message_age_seconds",
            "Age of the oldest message that is not sent, 0 for none.",
            registry=registry,
        )


class Relay(Worker):
    """Publishes what promotion has decided."""

    def __init__(self, around: Process, *, engine: sa.Engine, open_outbound: Callable[[], Outbound]) -> None:
        self._engine = engine
        self._open_outbound = open_outbound
        self._retry_policy = around.retry_policy
        self._health = around.health
        self._log = around.log
        self._tracer = around.tracer
        self._metrics = RelayMetrics(around.registry)
        self._clock = DatabaseClock(engine)
        self._counts = Every(COUNT_EVERY_SECONDS)
        self._prunes = Every(PRUNE_EVERY_SECONDS)
        self._queues = CommandQueues(engine, around.health, around.registry)

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        require_current(self._engine)
        with self._open_outbound() as outbound, notifications.Listener(self._engine, notifications.OUTBOX) as waker:
            yield partial(self._step, outbound, waker)

    def _step(self, outbound: Outbound, waker: notifications.Listener) -> None:
        self._count()
        self._wait_while_blocked(outbound)
        self._queues.look(outbound, self._clock)
        if self._prunes.due():
            self._metrics.pruned.inc(outbox.prune(self._engine, self._clock(), limit=PRUNED))
        # the look costs a read; a lease would take the writer's lock each time the database wakes us
        due = outbox.next_due(self._engine)
        now = self._clock()
        if due is None or due > now:
            outbound.publish(())  # detects a lost connection while there is time to reconnect
            waker.wait(wait_until(due, now))
            return
        began = time.perf_counter()
        leased = outbox.lease(self._engine, now, limit=LIMIT, duration=LEASE)
        if leased:
            self._send(outbound, leased)
            self._metrics.batch_seconds.observe(time.perf_counter() - began)

    def _send(self, outbound: Outbound, leased: Sequence[outbox.Outgoing]) -> None:
        spans = [self._span(outgoing) for outgoing in leased]
        try:
            receipts = outbound.publish(
                [_message(outgoing, span.context) for outgoing, span in zip(leased, spans, strict=True)]
            )
        except Transient as error:
            for span in spans:
                span.end(error="unconfirmed")
            # those that were confirmed unheard go out twice, under the same id
            outbox.settle(self._engine, (), {one.id: str(error) for one in leased}, self._clock())
            if outbound.blocked:
                return
            raise
        sent, problems = [], {}
        for outgoing, receipt, span in zip(leased, receipts, spans, strict=True):
            self._metrics.messages.count(receipt.state)
            unheard = receipt.state == "returned" and outgoing.exchange == NOTIFICATIONS  # no queue is bound
            span.end(error=None if receipt.state == "confirmed" or unheard else receipt.state)
            if receipt.state == "confirmed" or unheard:
                sent.append(outgoing.id)
                continue
            problems[outgoing.id] = f"{receipt.state}: {receipt.detail}"
            self._log.error(
                "not sent, will be tried again",
                message_id=outgoing.message_id,
                routing_key=outgoing.routing_key,
                attempt=outgoing.attempts,
                problem=problems[outgoing.id],
            )
        outbox.settle(self._engine, sent, problems, self._clock())
        self._log.debug("relayed", sent=len(sent), problems=len(problems))

    def _span(self, outgoing: outbox.Outgoing) -> Span:
        """Of a message that is part of a trace; others begin none."""
        parent = trace_context(outgoing.traceparent, outgoing.tracestate)
        if parent is None:
            return Span(None)
        attributes = messaging("send", outgoing.exchange, outgoing.message_id)
        attributes["messaging.rabbitmq.destination.routing_key"] = outgoing.routing_key
        return self._tracer.begin(f"send {outgoing.exchange}", "producer", parent, attributes)

    def _wait_while_blocked(self, outbound: Outbound) -> None:
        """An alarm of the broker, memory or disk: the outbox waits, and so does the connection."""
        for attempt in self._retry_policy.attempts():
            with attempt:
                if outbound.blocked:
                    raise Transient("the broker has blocked publishing: a memory or disk alarm, see its log")

    def _count(self) -> None:
        if not self._counts.due():
            return
        waiting = outbox.waiting(self._engine)
        self._metrics.waiting.set(waiting.count)
        self._metrics.oldest_seconds.set(seconds_since(waiting.oldest_at, self._clock()))
        stuck = () if not waiting.stuck else (f"{waiting.stuck} messages cannot be sent, one is {waiting.problem}",)
        self._health.report("outbox", reasons=stuck)


def _message(outgoing: outbox.Outgoing, trace: TraceContext | None) -> Message:
    return Message(
        exchange=outgoing.exchange,
        routing_key=outgoing.routing_key,
        body=outgoing.body,
        message_id=outgoing.message_id,
        content_type=_CONTENT_TYPES.get(outgoing.exchange, "application/json"),
        headers=trace.headers() if trace is not None else {},
    )
