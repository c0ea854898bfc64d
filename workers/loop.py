"""The life of a worker: sessions, steps, pauses between attempts, and the way out."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter
from tenacity import AttemptManager, RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from deploydb.domain.model.errors import NotAllowed, Transient, Unusable
from deploydb.telemetry import Log

from .health import WorkerHealth
from .signals import Signals

SAY_AGAIN_AFTER = timedelta(minutes=1)
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0
"""A server that is back is found, and shown as ready, within five seconds: a connection may take some of them."""
OUTAGES = (Transient, OSError)
"""What a worker waits out: see `RetryPolicy`."""
LATER_OUTAGES = (NotAllowed, Unusable)
"""Wrong settings at the start, outages once a session has been open: passwords rotate, servers restore."""


class Worker(Protocol):
    """What `run` keeps going."""

    @property
    def idle(self) -> bool:
        """Whether nothing is under way between two steps: a worker that is asked to stop may end now."""
        return True

    def session(self) -> AbstractContextManager[Callable[[], None]]:
        """One life of the worker's connections; gives the step, which works for a second or waits for one.

        Entering it and the step raise Transient (a new session follows) or Misconfigured (the process ends).
        """

    def reload(self) -> None:
        """Read the configuration again, by SIGHUP; nothing for a worker that reads none. Raises: Transient."""
        return


class RetryPolicy:
    """How a worker meets outages: again and again, capped exponential pauses with jitter, never silent.

    An outage is a Transient error, or an OSError that a library let through, and once a session has been open one of
    `LATER_OUTAGES`.
    """

    def __init__(self, *, signals: Signals, health: WorkerHealth, log: Log, registry: CollectorRegistry) -> None:
        self._signals = signals
        self._health = health
        self._log = log
        self._logged_at: float | None = None
        self._on_failure: list[Callable[[], None]] = []
        self._failures = Counter(
            "deploydb_worker_transient_errors_total",
            "Attempts that failed for a reason that may pass: broker or database away, locks, alarms.",
            registry=registry,
        )

    def on_failure(self, call: Callable[[], None]) -> None:
        """Have this called after each failed attempt: to drop connections that may be of no use any more."""
        self._on_failure.append(call)

    def attempts(
        self, *, over: Callable[[], bool] | None = None, meanwhile: Callable[[], None] | None = None
    ) -> Iterator[AttemptManager]:
        """Attempts without end; `with attempt:` around the work, and out of the loop once it is done.

        `over`: when to give up and raise the last error (default: being asked to stop). `meanwhile` is called about
        once a second of each pause, to keep a connection alive; what it raises goes to the caller.
        """
        ended = over or (lambda: self._signals.stopping)
        return iter(
            Retrying(
                retry=retry_if_exception(lambda error: self._is_outage(error) and not ended()),
                wait=wait_exponential(multiplier=_FIRST_PAUSE_SECONDS, max=_LONGEST_PAUSE_SECONDS)
                + wait_random(0, 0.5),
                sleep=lambda seconds: self._pause(float(seconds), ended, meanwhile),
                before_sleep=self._failed,
                reraise=True,
            )
        )

    def connected(self) -> None:
        """The session is open."""
        self._health.connected()

    def succeeded(self, attempt: AttemptManager) -> None:
        """The work goes well: the next failure is a first one."""
        attempt.retry_state.attempt_number = 1
        self._health.succeeded()
        if self._logged_at is not None:
            self._logged_at = None
            self._log.info("working again")

    def _is_outage(self, error: BaseException) -> bool:
        return isinstance(error, OUTAGES) or (isinstance(error, LATER_OUTAGES) and self._health.was_connected)

    def _pause(self, seconds: float, ended: Callable[[], bool], meanwhile: Callable[[], None] | None) -> None:
        end = time.monotonic() + seconds
        while not ended() and (left := end - time.monotonic()) > 0:
            self._health.beat()
            if meanwhile is not None:
                meanwhile()
            self._signals.pause(min(left, 1.0), until=ended)

    def _failed(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        self._failures.inc()
        self._health.failed(str(error) or repr(error))
        for call in self._on_failure:
            call()
        now = time.monotonic()
        if self._logged_at is None or now - self._logged_at >= SAY_AGAIN_AFTER.total_seconds():
            self._logged_at = now
            self._log.warning("trying again", error=str(error), attempt=state.attempt_number)


def run(
    worker: Worker,
    *,
    signals: Signals,
    retry_policy: RetryPolicy,
    log: Log,
    reloading: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Call the worker's step until it is asked to stop and has nothing under way. `reloading` is around each reload.

    Raises: Misconfigured, and whatever is no DeployDB error.
    """

    def over() -> bool:
        return signals.stopping and worker.idle

    try:
        for attempt in retry_policy.attempts(over=over):
            with attempt, worker.session() as step:
                retry_policy.connected()
                while not over():
                    if signals.reload_requested():
                        with reloading():
                            worker.reload()
                    step()
                    retry_policy.succeeded(attempt)
    except (*OUTAGES, *LATER_OUTAGES) as error:
        if not signals.stopping:
            raise
        # nothing was acked that is not durable, so what is unfinished comes again
        log.warning("stopped while waiting", error=str(error))
    log.info("stopped")
