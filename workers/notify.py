"""Notify: calls the configured webhooks.

A notification is taken from its queue, its calls become rows, and only then it is acked. A row is attempted by a thread
of its endpoint: one call at a time, oldest first. An endpoint that is slow, fails or is away keeps its own calls alone.
A crash after a call and before it is written down makes the call again, with the same id.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from deploydb.broker.dead_letter import dead_letter
from deploydb.broker.errors import PROVISION
from deploydb.broker.port import Delivery, Inbound, Message
from deploydb.broker.topology import NOTIFY_QUEUE
from deploydb.configuration import LiveCatalog
from deploydb.domain.model.commands import Notification
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.errors import MessageRejected, Transient
from deploydb.domain.webhook_attempts import judge_attempt
from deploydb.egress import Client
from deploydb.redaction import shown_endpoint
from deploydb.store import webhook_deliveries
from deploydb.store.clock import DatabaseClock
from deploydb.store.engine import reading
from deploydb.store.environment_names import names_of
from deploydb.store.queries.deployments import deployments_by_id
from deploydb.store.schema import require_current
from deploydb.store.webhook_deliveries import EndpointLease, OpenDelivery
from deploydb.wire.native import decode_notification

from .confirmed_publisher import ConfirmedPublisher
from .intervals import LOOK_AT_FILES_EVERY_SECONDS, Every, seconds_since, wait_until
from .loop import LATER_OUTAGES, OUTAGES, Worker
from .notify_metrics import FAILING_FROM, AttemptResult, NotifyMetrics
from .process import Process
from .webhook_caller import WebhookCaller
from .webhook_calls import calls_of, in_traces
from .webhook_endpoints import Variable

BATCH = 200
CONCURRENCY = 32
"""Endpoints that are called at one time."""
SETTLING = 8  # at one time: each needs a connection to the database
LEASE = timedelta(seconds=30)
"""Longer than a call takes: the lease begins anew with each."""
COUNT_EVERY_SECONDS = 2.0
PRUNE_EVERY_SECONDS = 3600.0
LOOK_AT_QUEUE_EVERY_SECONDS = 0.5
QUEUE_WITHIN_SECONDS = 10.0
"""`up` makes the queue a moment after the first webhook; elsewhere a person does."""
GRACE_SECONDS = 3.0


class Notify(Worker):
    """Calls webhooks. Any number of these work side by side, each endpoint in one of them at a time."""

    def __init__(
        self,
        around: Process,
        *,
        engine: sa.Engine,
        live: LiveCatalog,
        outgoing: Client,
        open_inbound: Callable[[], Inbound],
        queue_exists: Callable[[], bool],
        publisher: ConfirmedPublisher,
        variable: Variable,
        url: str,
    ) -> None:
        self._engine = engine
        self._live = live
        self._open_inbound = open_inbound
        self._queue_exists = queue_exists
        self._inbound: Inbound | None = None
        self._missing_since: float | None = None
        self._looks = Every(LOOK_AT_QUEUE_EVERY_SECONDS)
        self._publisher = publisher
        self._url = url
        self._signals = around.signals
        self._health = around.health
        self._log = around.log
        self._tracer = around.tracer
        self._metrics = NotifyMetrics(around.registry)
        self._clock = DatabaseClock(engine)
        self._lock = threading.Lock()
        self._settling = threading.BoundedSemaphore(SETTLING)
        self._caller = WebhookCaller(
            engine, live, outgoing, variable, clock=self._clock, reading=self._settling, tracer=around.tracer
        )
        self._in_hand: dict[str, EndpointLease] = {}
        self._broken: Exception | None = None
        self._files = Every(LOOK_AT_FILES_EVERY_SECONDS)
        self._counts = Every(COUNT_EVERY_SECONDS)
        self._prunes = Every(PRUNE_EVERY_SECONDS)

    @property
    def idle(self) -> bool:
        """No call is under way, or the grace has passed while we stop."""
        return not self._in_hand or self._signals.gives_up(GRACE_SECONDS)

    def close(self) -> None:
        """Give back the endpoints in hand; else their leases end later."""
        with self._lock:
            left = list(self._in_hand.values())
        try:
            for leased in left:
                webhook_deliveries.release(self._engine, leased, self._clock())
        except (*OUTAGES, *LATER_OUTAGES) as error:
            self._log.warning("not given back, called again when the leases are over", error=str(error))

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        """The queue is opened once a webhook is configured."""
        require_current(self._engine)
        self._looked = False
        with ExitStack() as stack:
            try:
                yield partial(self._step, stack)
            finally:
                self._inbound = None
                self._publisher.close()

    def reload(self) -> None:
        """Read the configuration again, whether its files look changed or not."""
        self._refresh(force=True)

    def _step(self, stack: ExitStack) -> None:
        self._begin_step()
        self._open_queue(stack)
        wait = self._dispatch()
        if self._signals.stopping:
            self._signals.pause(0.05, until=lambda: not self._in_hand)
        elif self._inbound is None:
            self._signals.pause(wait.total_seconds())
        elif taken := self._inbound.receive(BATCH, wait):
            self._take(self._inbound, taken)
            self._dispatch()

    def _open_queue(self, stack: ExitStack) -> None:
        """Without a webhook it is looked for once: a queue of earlier ones fills for ever if it is not read."""
        wanted = bool(self._live.catalog.webhook_types)
        if self._inbound is not None or (self._looked and not (wanted and self._looks.due())):
            return
        self._looked = True
        if self._queue_exists():
            self._inbound = stack.enter_context(self._open_inbound())
            self._missing_since = None
            return
        if not wanted:
            return
        now = time.monotonic()
        self._missing_since = self._missing_since or now
        if now - self._missing_since >= QUEUE_WITHIN_SECONDS:
            raise Transient(f"the queue {NOTIFY_QUEUE} does not exist: {PROVISION}")

    def _begin_step(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self._files.due():
            self._refresh(force=False)
        self._count()
        if self._prunes.due():
            webhook_deliveries.prune(self._engine, self._clock())

    def _take(self, inbound: Inbound, taken: Sequence[Delivery]) -> None:
        notifications: list[Notification] = []
        letters: list[Message] = []
        for delivery in taken:
            try:
                notifications.append(decode_notification(delivery.body))
            except MessageRejected as refused:
                letters.append(dead_letter(delivery, NOTIFY_QUEUE, refused.reason, refused.path))
                self._log.warning("dead-lettered", reason=refused.reason, path=refused.path)
        with reading(self._engine) as connection:
            known = deployments_by_id(
                connection, {one.deployment for one in notifications if one.deployment is not None}
            )
        catalog = under(self._live.catalog, names_of(self._engine))
        calls = calls_of(catalog, notifications, known, self._url, self._note_unreported)
        added = webhook_deliveries.add(self._engine, in_traces(calls, taken, self._tracer), self._clock())
        self._publisher.bury(letters)
        inbound.ack(taken)
        self._metrics.notifications.inc(len(taken))
        self._log.debug("taken", notifications=len(taken), deliveries=added)

    def _note_unreported(self, endpoint: str, notification: Notification) -> None:
        self._metrics.unreported.inc()
        self._log.warning(
            "not reported: the release names no whole commit", endpoint=endpoint, deployment=notification.deployment
        )

    def _dispatch(self) -> timedelta:
        """Begin with the endpoints that are due. How long to wait for the next one."""
        free = CONCURRENCY - len(self._in_hand)
        # the look costs a read; a lease would take the writer's lock each time
        due = webhook_deliveries.next_due(self._engine)
        now = self._clock()
        if due is None or due > now or free <= 0 or self._signals.stopping:
            return wait_until(due, now)
        for leased in webhook_deliveries.lease(self._engine, now, limit=free, duration=LEASE):
            with self._lock:
                if leased.endpoint in self._in_hand:  # its thread was too slow, and stops
                    continue
                self._in_hand[leased.endpoint] = leased
            # a daemon: one that hangs does not keep the process from ending
            threading.Thread(target=self._serve, args=(leased,), name="calls a webhook", daemon=True).start()
        return wait_until(webhook_deliveries.next_due(self._engine), now)

    def _serve(self, leased: EndpointLease) -> None:
        """Call an endpoint until it has no open delivery, or fails."""
        endpoint = leased.endpoint
        try:
            left: EndpointLease | None = leased
            while left is not None and not self._signals.stopping:
                with self._settling:
                    waiting = webhook_deliveries.oldest(self._engine, left, limit=BATCH)
                for delivery in waiting:
                    left = self._deliver(left, delivery)
                    if left is None or self._signals.stopping:
                        break
                if not waiting:
                    left = self._finish(left)
            if left is not None:
                with self._settling:
                    webhook_deliveries.release(self._engine, left, self._clock())
        except (*OUTAGES, *LATER_OUTAGES) as error:
            self._log.warning("the result of a call is lost, it is made again", error=str(error))
        except Exception as error:
            self._broken = error  # the loop's thread raises it
        finally:
            with self._lock:
                self._in_hand.pop(endpoint, None)

    def _finish(self, leased: EndpointLease) -> EndpointLease | None:
        """Give an endpoint back, unless a delivery was added since the last look."""
        with self._settling:
            now = self._clock()
            left = webhook_deliveries.release(self._engine, leased, now, now + LEASE)
        if left is not None:
            with self._lock:
                self._in_hand[leased.endpoint] = left
        return left

    def _deliver(self, leased: EndpointLease, delivery: OpenDelivery) -> EndpointLease | None:
        started = time.perf_counter()
        answer = self._caller.call(leased.endpoint, delivery)
        self._metrics.seconds.observe(time.perf_counter() - started)
        now = self._clock()
        attempt = judge_attempt(
            answer,
            opened_at=delivery.opened_at,
            attempts=delivery.attempts + 1,
            failures=leased.failures,
            now=now,
            jitter=random.random(),  # noqa: S311  # no secret
        )
        result: AttemptResult = "delivered" if attempt.delivered else "dead" if attempt.dead else "failed"
        with self._settling:
            left = webhook_deliveries.settle(self._engine, leased, delivery, attempt, now, now + LEASE)
        self._metrics.attempts.count(result)
        if not attempt.delivered:
            self._log.warning(
                "webhook failed",
                endpoint=shown_endpoint(leased.endpoint),
                delivery=delivery.id,
                attempt=delivery.attempts + 1,
                problem=attempt.problem,
                dead=result == "dead",
            )
        if left is not None:
            with self._lock:
                self._in_hand[leased.endpoint] = left
        return left

    def _count(self) -> None:
        if not self._counts.due():
            return
        backlog = webhook_deliveries.backlog(self._engine)
        self._metrics.pending.set(backlog.count)
        self._metrics.dead.set(backlog.dead)
        self._metrics.oldest_seconds.set(seconds_since(backlog.oldest_at, self._clock()))
        failing = sorted((name, *found) for name, found in backlog.failing.items() if found[0] >= FAILING_FROM)
        self._metrics.failing.set(len(failing))
        warnings = tuple(
            f"{shown_endpoint(name)} has failed {count} times: {problem}" for name, count, problem in failing
        )
        self._health.report("webhooks", warnings=warnings)

    def _refresh(self, *, force: bool) -> None:
        if self._live.refresh(force=force):  # promote says what is wrong with a configuration
            self._log.info("configuration in force", digest=self._live.catalog.digest)
