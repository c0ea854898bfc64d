"""Verify: asks the URLs and the Prometheus that gates depend on, and publishes the answers as facts.

A probe is leased, asked in a thread of its own outside of any transaction, and settled in one, with the fact for the
outbox. A lease that a dead worker leaves is asked again; one that was too slow finds its lease gone, and its answer is
dropped. So a fact counts once. One host that hangs delays no other.
"""

import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.broker.topology import EVENTS
from deploydb.configuration import LiveCatalog
from deploydb.domain.formatting import error_text
from deploydb.domain.gates.checked import Check, CheckedPromotion, Judged, answer_time, judge_answer, request_of
from deploydb.domain.model.deployment import Gate, Status
from deploydb.domain.model.facts import VerificationFinished
from deploydb.egress import Answer, Client, NoAnswer, Request
from deploydb.store import external_checks, notifications
from deploydb.store.clock import DatabaseClock
from deploydb.store.external_checks import CheckResult, Lease
from deploydb.store.schema import require_current

from .intervals import LOOK_AT_FILES_EVERY_SECONDS, SHORTEST_WAIT, Every, seconds_since, wait_until
from .loop import LATER_OUTAGES, OUTAGES, Worker
from .process import Process
from .verify_metrics import AskedResult, VerifyMetrics

SOURCE = "deploydb/verify"
CONCURRENCY = 64
PER_HOST = 16
SETTLING = 8  # at one time: each needs a connection to the database
LEASE_BEYOND_TIMEOUT = timedelta(seconds=30)
"""A connection and a TLS handshake may take the timeout each; then there are the resolver and the database."""
BUSY_WAIT = timedelta(milliseconds=200)
HOST_BUSY_AGAIN_AFTER = timedelta(milliseconds=500)
UNKNOWN_AGAIN_AFTER = timedelta(seconds=10)
"""The configuration here may be older than promotion's, or come back: the probe ends with its deployment alone."""
COUNT_EVERY_SECONDS = 5.0
GRACE_SECONDS = 3.0
"""How long a worker that is asked to stop waits for answers. What is not answered by then is asked again."""

_Key = tuple[int, Gate]


class Verify(Worker):
    """Asks for gates. Any number of these work side by side, each probe in one of them at a time."""

    def __init__(self, around: Process, *, engine: sa.Engine, live: LiveCatalog, outgoing: Client) -> None:
        self._engine = engine
        self._live = live
        self._outgoing = outgoing
        self._signals = around.signals
        self._log = around.log
        self._metrics = VerifyMetrics(around.registry)
        self._clock = DatabaseClock(engine)
        self._lock = threading.Lock()
        self._settling = threading.BoundedSemaphore(SETTLING)
        self._in_hand: dict[_Key, Lease] = {}
        self._hosts: Tally[str] = Tally()
        self._broken: Exception | None = None
        self._strangers: set[str] = set()
        self._files = Every(LOOK_AT_FILES_EVERY_SECONDS)
        self._counts = Every(COUNT_EVERY_SECONDS)

    @property
    def idle(self) -> bool:
        """Nothing is being asked, or the grace has passed while we stop."""
        return not self._in_hand or self._signals.gives_up(GRACE_SECONDS)

    def close(self) -> None:
        """Give back what is still in hand, so that another worker asks it at once; else its lease does, later."""
        with self._lock:
            left = list(self._in_hand.values())
        try:
            for leased in left:
                self._put_off(leased, self._clock())
        except (*OUTAGES, *LATER_OUTAGES) as error:
            self._log.warning("not given back, asked again when the leases are over", error=str(error))
        else:
            if left:
                self._log.info("given back", probes=len(left))

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        """Checks go on from one session to the next."""
        require_current(self._engine)
        with notifications.Listener(self._engine, notifications.PROBES) as waker:
            yield partial(self._step, waker)

    def reload(self) -> None:
        """Read the configuration again, whether its files look changed or not."""
        self._refresh(force=True)

    def _step(self, waker: notifications.Listener) -> None:
        if self._broken is not None:
            raise self._broken
        if self._signals.stopping:
            waker.wait(SHORTEST_WAIT)
            return
        if self._files.due():
            self._refresh(force=False)
        self._count()
        free = CONCURRENCY - len(self._in_hand)
        if free <= 0:
            waker.wait(BUSY_WAIT)
            return
        # the look costs a read; a lease would take the writer's lock each time the database wakes us
        due = external_checks.next_due(self._engine)
        now = self._clock()
        if due is None or due > now:
            waker.wait(wait_until(due, now))
            return
        leased = external_checks.lease(self._engine, now, limit=free, duration=self._duration)
        for one in leased:
            self._begin(one, now)
        if not leased:  # another worker has them
            waker.wait(SHORTEST_WAIT)

    def _begin(self, leased: Lease, now: datetime) -> None:
        known = leased.deployment
        if not known.needs_evaluation or known.skipped_at is not None or _has_entered(leased):
            self._log.info("no longer asked: the deployment is over", deployment=known.id, promotion=leased.promotion)
            self._settle(_kept(leased, due_at=None), now)
            return
        promotion = self._live.catalog.promotions.get(leased.promotion)
        if not isinstance(promotion, CheckedPromotion):
            if leased.promotion not in self._strangers:
                self._strangers.add(leased.promotion)
                self._log.warning("not asked: no such webhook or metric is configured", promotion=leased.promotion)
            self._settle(replace(_kept(leased, due_at=now + UNKNOWN_AGAIN_AFTER), condition_since=None), now)
            return
        self._strangers.discard(leased.promotion)
        request = request_of(promotion, known)
        host = _host_of(request)
        with self._lock:
            busy = self._hosts[host] >= PER_HOST
            if not busy:
                self._hosts[host] += 1
                self._in_hand[known.id, leased.gate] = leased
        if busy:
            self._put_off(leased, now + HOST_BUSY_AGAIN_AFTER)
            return
        self._metrics.in_progress.inc()
        # a daemon: one that hangs does not keep the process from ending
        threading.Thread(
            target=self._ask, args=(leased, promotion, request, host, now), name=f"asks {host}", daemon=True
        ).start()

    def _ask(
        self, leased: Lease, promotion: CheckedPromotion, request: Request | NoAnswer, host: str, began: datetime
    ) -> None:
        try:
            started = time.perf_counter()
            answer = self._answer(request) if isinstance(request, Request) else request
            self._metrics.seconds.observe(time.perf_counter() - started)
            now = self._clock()
            judged = _judged(promotion, leased, answer, began, now)
            settled = self._settle(_settlement(leased, judged, answer, began, now), now)
            result: AskedResult = judged.outcome if settled else "dropped"
            self._metrics.asked.count(result)
            self._log.debug(
                "asked", deployment=leased.deployment.id, promotion=promotion.ident, result=result, reason=judged.reason
            )
        except (*OUTAGES, *LATER_OUTAGES) as error:
            self._metrics.asked.count("dropped")
            self._log.warning("an answer is lost, asked again", promotion=promotion.ident, error=str(error))
        except Exception as error:
            self._broken = error  # the loop's thread raises it
        finally:
            self._metrics.in_progress.dec()
            with self._lock:
                self._hosts[host] -= 1
                if not self._hosts[host]:
                    del self._hosts[host]
                del self._in_hand[leased.deployment.id, leased.gate]

    def _answer(self, request: Request) -> Answer | NoAnswer:
        try:
            return self._outgoing.ask(request)
        except Exception as error:  # of a package's request: no other check stops for it
            return NoAnswer(reason=f"no request: {error_text(error)}", asked=False)

    def _put_off(self, leased: Lease, until: datetime) -> None:
        self._settle(_kept(leased, due_at=until), self._clock())

    def _settle(self, settlement: CheckResult, now: datetime) -> bool:
        with self._settling:
            return external_checks.settle(self._engine, settlement, now, exchange=EVENTS)

    def _duration(self, promotion: str) -> timedelta:
        known = self._live.catalog.promotions.get(promotion)
        timeout = answer_time(known) if isinstance(known, CheckedPromotion) else UNKNOWN_AGAIN_AFTER
        return 2 * timeout + LEASE_BEYOND_TIMEOUT

    def _count(self) -> None:
        if not self._counts.due():
            return
        still = external_checks.open_probes(self._engine)
        self._metrics.open.set(still.count)
        self._metrics.late_seconds.set(seconds_since(still.due_at, self._clock()))

    def _refresh(self, *, force: bool) -> None:
        if self._live.refresh(force=force):  # promote says what is wrong with a configuration
            self._log.info("configuration in force", digest=self._live.catalog.digest)


def _judged(
    promotion: CheckedPromotion, leased: Lease, answer: Answer | NoAnswer, began: datetime, now: datetime
) -> Judged:
    check = Check(
        created_at=leased.created_at,
        attempts=leased.attempts,
        condition_since=leased.condition_since,
        last_report_key=leased.last_report_key,
        late=began - leased.due_at,
    )
    return judge_answer(promotion, check, answer, now)


def _settlement(
    leased: Lease, judged: Judged, answer: Answer | NoAnswer, began: datetime, now: datetime
) -> CheckResult:
    fact = None
    if judged.last_report_key != leased.last_report_key:
        # the id is the same for the same check, and short with a promotion of any name
        request = f"{SOURCE}/{leased.deployment.id}/{'/'.join(leased.gate)}/{leased.until.isoformat()}"
        fact = VerificationFinished(
            id=str(uuid5(NAMESPACE_URL, request)),
            source=SOURCE,
            time=began if leased.phase == "entry" else now,  # an answer after the deployment is none for its exit
            deployment=leased.deployment.id,
            promotion=leased.promotion,
            outcome=judged.outcome,
            reason=judged.reason,
        )
    return CheckResult(
        lease=leased,
        due_at=judged.due_at,
        condition_since=judged.condition_since,
        last_report_key=judged.last_report_key,
        fact=fact,
        counts=isinstance(answer, Answer) or answer.asked,
    )


def _host_of(request: Request | NoAnswer) -> str:
    try:
        return urlsplit(request.url).hostname or "" if isinstance(request, Request) else ""
    except ValueError:
        return ""  # it will not be asked, and says so


def _has_entered(leased: Lease) -> bool:
    return leased.phase == "entry" and leased.deployment.status is not Status.NOT_STARTED


def _kept(leased: Lease, *, due_at: datetime | None) -> CheckResult:
    """As if it had not been leased, but for when it is due."""
    return CheckResult(
        lease=leased,
        due_at=due_at,
        condition_since=leased.condition_since,
        last_report_key=leased.last_report_key,
        counts=False,
    )
