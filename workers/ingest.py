"""Ingest: facts from the broker into the event log, a batch a transaction.

The order is the promise: commit, then dead-letter what cannot be taken, with a confirm, then one ack for all. A crash
between any two of them repeats the batch, which changes nothing: the log is unique by source and id.

While the database works on one batch, the next one is taken from the broker: a thread records, and the thread that
owns the broker's connection takes, waits and acks. Two batches are the prefetch, so nothing idles.

While the database is away the batch stays in hand, unacked, and the connection to the broker is kept alive. Giving it
back would count as a delivery each time, and innocent messages would run into the delivery limit.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct

from deploydb.broker.dead_letter import dead_letter
from deploydb.broker.port import SENT_FOR, TAKE_BYTES, Delivery, Inbound
from deploydb.broker.topology import INGEST_QUEUE
from deploydb.configuration import LiveCatalog
from deploydb.domain.access import is_judged
from deploydb.domain.model.access import LONGEST_PUBLISHER, sends_for_others
from deploydb.domain.model.errors import Forbidden, MessageRejected
from deploydb.domain.unsafe_characters import not_allowed
from deploydb.store.arrival import Arrival
from deploydb.store.clock import DatabaseClock
from deploydb.store.record import Recorded, record
from deploydb.store.schema import require_current
from deploydb.wire.native import oversized

from .confirmed_publisher import ConfirmedPublisher
from .fact_judge import judge_by
from .ingest_metrics import IngestMetrics
from .ingest_spans import IngestSpans
from .intervals import LOOK_AT_FILES_EVERY_SECONDS, Every
from .loop import Worker
from .poison_guard import PoisonGuard, suspicious
from .process import Process
from .watermark import Watermark

BATCH = 500
WAIT = timedelta(seconds=1)
NEARLY = timedelta(milliseconds=5)
"""How long a look for more messages may hold up the end of a recording."""

T = TypeVar("T")
Refusals = list[tuple[Delivery, MessageRejected]]


class Recording(Struct, kw_only=True, eq=False):
    """A batch on its way into the database: what it says, where each of it came from, and what cannot be understood."""

    batch: Sequence[Delivery]
    arrivals: list[Arrival]
    origins: list[Delivery]
    refusals: Refusals
    began: float
    outcome: Future[Recorded]


class Ingest(Worker):
    """Records what arrives, where its publisher may say it (`domain.access`). Decides nothing about releases.

    `own`: the user that ingest itself has on the broker.
    """

    def __init__(
        self,
        around: Process,
        *,
        engine: sa.Engine,
        open_inbound: Callable[[int], Inbound],
        publisher: ConfirmedPublisher,
        live: LiveCatalog,
        own: str,
    ) -> None:
        self._engine = engine
        self._live = live
        self._own = own
        self._files = Every(LOOK_AT_FILES_EVERY_SECONDS)
        self._open_inbound = open_inbound
        self._publisher = publisher
        self._signals = around.signals
        self._retry_policy = around.retry_policy
        self._log = around.log
        self._spans = IngestSpans(around.tracer)
        self._metrics = IngestMetrics(around.registry, largest=BATCH)
        self._clock = DatabaseClock(engine)
        self._recorder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="record")
        self._recording: Recording | None = None
        self._watermark = Watermark(engine, self._clock)

    @property
    def idle(self) -> bool:
        """Whether no batch is in hand."""
        return self._recording is None

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        """Nothing is taken before the database answers: see the module."""
        require_current(self._engine)
        with PoisonGuard(self._open_inbound) as intake:
            try:
                yield partial(self._step, intake)
            finally:
                self._watermark.forget()
                self._recording = None  # not acked: it comes again, by another connection
                self._publisher.close()
        if self._signals.stopping:
            self._watermark.end()

    def reload(self) -> None:
        """Read the configuration again, whether its files look changed or not."""
        self._refresh(force=True)

    def _refresh(self, *, force: bool) -> None:
        if self._live.refresh(force=force):  # promote says what is wrong with a configuration
            self._log.info("configuration in force", digest=self._live.catalog.digest)

    def _step(self, intake: PoisonGuard) -> None:
        """Take a batch while the one before it is being recorded, see that one through, and have this one recorded."""
        if self._files.due():
            self._refresh(force=False)
        if intake.cautious:
            self._step_with_caution(intake)
            return
        inbound = intake.inbound
        taken: list[Delivery] = []
        self._watermark.look(inbound, len(self._recording.batch) if self._recording is not None else 0)
        if self._recording is None and not self._signals.stopping:
            taken = inbound.receive(BATCH, WAIT)
            if not taken:
                self._watermark.forget()
        while self._recording is not None and not self._recording.outcome.done():
            full = sum(len(delivery.body) for delivery in taken) >= TAKE_BYTES
            room = 0 if full or self._signals.stopping else BATCH - len(taken)
            taken += inbound.receive(room, NEARLY)
            if not room:
                wait([self._recording.outcome], timeout=NEARLY.total_seconds())
        self._finish(inbound)
        if taken:
            self._start(taken)

    def _step_with_caution(self, intake: PoisonGuard) -> None:
        alone = intake.inbound.receive(1, WAIT)
        if alone:
            self._start(alone)
            self._finish(intake.inbound)
        if not alone or not suspicious(alone[0]):
            intake.trust()

    def _start(self, batch: Sequence[Delivery]) -> None:
        began, now = time.perf_counter(), self._clock()
        arrivals: list[Arrival] = []
        origins: list[Delivery] = []
        refusals: Refusals = []
        names_others = cache(partial(sends_for_others, self._live.catalog.access, own=self._own))
        for delivery in batch:
            try:
                if delivery.cut_from is not None:
                    raise oversized(delivery.cut_from)  # refused as what cannot be decoded
                arrival = Arrival.of(
                    delivery.body,
                    arrived_at=now,
                    publisher=_publisher_of(delivery, names_others),
                    user=delivery.user_id,
                    content_type=delivery.content_type,
                    headers=delivery.headers,
                )
                arrivals.append(arrival)
            except MessageRejected as refused:
                refusals.append((delivery, refused))
                continue
            origins.append(delivery)
        self._recording = Recording(
            batch=batch,
            arrivals=arrivals,
            origins=origins,
            refusals=refusals,
            began=began,
            outcome=self._submit(arrivals),
        )

    def _submit(self, arrivals: Sequence[Arrival]) -> Future[Recorded]:
        catalog = self._live.catalog
        judge = judge_by(catalog, own=self._own) if is_judged(catalog) else None
        return self._recorder.submit(record, self._engine, arrivals, self._clock, judge, self._spans.traced)

    def _finish(self, inbound: Inbound) -> None:
        """See the batch that is being recorded through to its ack."""
        recording = self._recording
        if recording is None:
            return
        recorded = self._recorded(inbound, recording)
        for delivery, why in recording.refusals:
            self._spans.refuse(delivery, why, None)
        for index, why in recorded.refusals:
            self._spans.refuse(recording.origins[index], why, recording.arrivals[index])
        self._spans.end()
        buried = recording.refusals + [(recording.origins[index], refused) for index, refused in recorded.refusals]
        if buried:
            self._bury(inbound, buried)
        inbound.ack(recording.batch)
        self._recording = None
        self._watermark.recorded(len(recording.batch))
        refused = len(buried)
        self._metrics.events.count("stored", recorded.stored)
        self._metrics.events.count("duplicate", recorded.duplicates)
        self._metrics.events.count("refused", refused)
        self._metrics.unmatched.inc(recorded.unmatched)
        self._metrics.clamped.inc(recorded.clamped)
        for differing in recorded.differing:
            self._metrics.differing.labels("other" if differing.other else "same").inc()
            self._log.warning(
                "a fact differs from the one with its id",
                source=differing.source,
                id=differing.id,
                publisher=differing.publisher,
                first=differing.fact,
            )
        for skew in recorded.skews:
            self._log.warning("clock ahead", source=skew.source, ahead_seconds=skew.ahead.total_seconds())
        self._metrics.batch_events.observe(len(recording.batch))
        self._metrics.batch_seconds.observe(time.perf_counter() - recording.began)
        self._log.debug("recorded", stored=recorded.stored, duplicates=recorded.duplicates, refused=refused)

    def _recorded(self, inbound: Inbound, recording: Recording) -> Recorded:
        """What the recording came to, begun again where it failed for now."""

        def work(attempt: int) -> Recorded:
            if attempt > 1:
                recording.outcome = self._submit(recording.arrivals)
            while not recording.outcome.done():  # a batch that is split takes a while
                _keep_alive(inbound)
                wait([recording.outcome], timeout=NEARLY.total_seconds())
            return recording.outcome.result()

        return self._retried(inbound, work)

    def _bury(self, inbound: Inbound, buried: Refusals) -> None:
        """Publish the dead letters, and go on only once the broker has them."""
        letters = [
            dead_letter(delivery, INGEST_QUEUE, refused.reason, refused.path, refused.data)
            for delivery, refused in buried
        ]
        self._retried(inbound, lambda _: self._publisher.bury(letters))
        for delivery, refused in buried:
            if isinstance(refused, Forbidden):
                self._metrics.forbidden.labels(refused.lacks).inc()
            self._log.warning(
                "dead-lettered",
                reason=refused.reason,
                path=refused.path,
                message_id=delivery.message_id,
                routing_key=delivery.routing_key,
                publisher=delivery.user_id,
            )

    def _retried(self, inbound: Inbound, work: Callable[[int], T]) -> T:
        """What the work returns, tried until it is done; the deliveries in hand stay ours meanwhile."""
        for attempt in self._retry_policy.attempts(meanwhile=lambda: _keep_alive(inbound)):
            with attempt:
                result = work(attempt.retry_state.attempt_number)
                self._retry_policy.succeeded(attempt)
                return result
        raise AssertionError("attempts end with a result or an error")


def _keep_alive(inbound: Inbound) -> None:
    inbound.receive(0, timedelta(0))


def _publisher_of(delivery: Delivery, names_others: Callable[[str], bool]) -> str | None:
    """For whom the message was sent; else the user that sent it."""
    user, named = delivery.user_id, delivery.headers.get(SENT_FOR)
    if user is None or not named or len(named) > LONGEST_PUBLISHER or not_allowed(named) is not None:
        return user
    return named if names_others(user) else user
