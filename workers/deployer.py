"""A small orchestrator: takes the deploy commands of one queue, runs a program for each, and reports the outcome.

The order is the promise. Before a run: `deployment.started` confirmed, then the run written down. After it: its end
written down, `deployment.finished` confirmed, then the ack. So of a command that comes again after a crash it is known
whether it ran (reported again, not run again) or had begun (reported as failed, outcome unknown: a deployment that may
have happened is for people to look at, unless their configuration lets it be repeated).
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from msgspec import Struct
from tenacity import Retrying, retry_if_exception_type, wait_fixed

from deploydb.broker.dead_letter import dead_letter
from deploydb.broker.port import Delivery, Inbound
from deploydb.broker.topology import command_queue
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.errors import MessageRejected, Transient

from . import deployment_reports
from .command_spans import CommandSpans
from .confirmed_publisher import ConfirmedPublisher
from .deployer_metrics import DeployerMetrics
from .loop import Worker
from .process import Process
from .run_journal import Runs
from .subprocess_runner import TERMINATE_WITHIN_SECONDS, Ended, Run

IDLE_WAIT = timedelta(seconds=1)
BUSY_WAIT = timedelta(milliseconds=50)
FULL_WAIT_SECONDS = 0.2
STOPPED = "stopped: the deployer is stopping and its grace has passed"
INTERRUPTED = "interrupted: the deployer died while it ran, its outcome is unknown"


class DeployerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of `deploydb deployer`. `timeout`: of one run; no run passes its command's deadline."""

    orchestrator: str
    program: tuple[str, ...]
    concurrency: int
    timeout: timedelta | None
    grace: timedelta
    state: str | None
    rerun_interrupted: bool
    pass_env: tuple[str, ...]
    host: str
    port: int | None

    @property
    def source(self) -> str:
        """The source of its facts."""
        return f"deployer/{self.orchestrator}"


class Deployer(Worker):
    """Runs commands, each in a thread of its own; the connections belong to the thread that steps."""

    def __init__(
        self,
        options: DeployerOptions,
        around: Process,
        *,
        runs: Runs,
        open_inbound: Callable[[], Inbound],
        publisher: ConfirmedPublisher,
        environment: Mapping[str, str],
        out: Callable[[str], None],
        err: Callable[[str], None],
    ) -> None:
        self._options = options
        self._queue = command_queue(options.orchestrator)
        self._runs = runs
        self._open_inbound = open_inbound
        self._publisher = publisher
        self._signals = around.signals
        self._environment = environment
        self._out = out
        self._err = err
        self._log = around.log
        self._metrics = DeployerMetrics(around.registry)
        self._spans = CommandSpans(around.tracer, self._queue)
        self._running: dict[str, Run] = {}
        self._deliveries: dict[str, list[Delivery]] = {}
        self._ended: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._threads: dict[str, threading.Thread] = {}
        self._wait_logged = False
        runs.forget_old(_now())
        for command in runs.interrupted():
            self._settle_interrupted(command)
        self._unreported = runs.unreported()

    @property
    def idle(self) -> bool:
        """Nothing runs and all is reported; or disk or broker stay away while we stop: the rest is kept."""
        over_at = self._over_at()
        given_up = over_at is not None and time.monotonic() > over_at + 2 * TERMINATE_WITHIN_SECONDS
        return given_up or not (self._running or self._unreported)

    @property
    def busy(self) -> bool:
        """Whether programs run that may still end by themselves, or are being ended. Asked by another thread while we
        stop: the loop may hang in a call to the broker, and what runs is ended after its grace all the same."""
        over_at = self._over_at()
        if over_at is None or not any(thread.is_alive() for thread in list(self._threads.values())):
            return False
        if time.monotonic() >= over_at:
            self._stop_runs()
        return time.monotonic() < over_at + 2 * TERMINATE_WITHIN_SECONDS

    def close(self) -> None:
        """Stop all runs, and wait until their ends are written down: the next start reports them."""
        self._stop_runs()
        until = time.monotonic() + 2 * TERMINATE_WITHIN_SECONDS
        for thread in self._threads.values():
            thread.join(max(until - time.monotonic(), 0))

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        """Runs go on from one session to the next; their deliveries come again."""
        with self._open_inbound() as inbound:
            try:
                yield partial(self._step, inbound)
            finally:
                self._deliveries.clear()
                self._publisher.close()

    def _step(self, inbound: Inbound) -> None:
        self._say_what_ended(inbound)
        if self._signals.stopping:
            self._wind_up()
        free = 0 if self._signals.stopping else self._options.concurrency - len(self._running)
        if free > 0:
            for delivery in inbound.receive(free, BUSY_WAIT if self._running else IDLE_WAIT):
                self._receive(inbound, delivery)
            return
        inbound.receive(0, timedelta(0))
        try:
            self._note_end(*self._ended.get(timeout=FULL_WAIT_SECONDS))
        except queue.Empty:
            return

    def _receive(self, inbound: Inbound, delivery: Delivery) -> None:
        try:
            command = deployment_reports.reportable(delivery, self._options.source, _now())
        except MessageRejected as refused:
            self._publisher.bury([dead_letter(delivery, self._queue, refused.reason, refused.path)])
            self._log.warning("dead-lettered", reason=refused.reason, path=refused.path)
            self._metrics.commands.count("refused")
            inbound.ack([delivery])
            return
        if command.id in self._running or command.id in self._unreported:
            self._deliveries.setdefault(command.id, []).append(delivery)  # it came again: acked with the first
            return
        known = self._runs.ending(command.id)
        now = _now()
        if known is not None:
            self._log.info("not run again, reported again", command=command.id)
            self._metrics.commands.count("repeated")
            self._end(command.id, known, delivery)
        elif command.deadline is not None and now >= command.deadline:
            late = (
                f"not run: taken at {now.isoformat(timespec='seconds')}, "
                f"its deadline was {command.deadline.isoformat(timespec='seconds')}"
            )
            self._log.warning("not run: past its deadline", command=command.id, deadline=command.deadline.isoformat())
            self._end(command.id, self._finished(command.id, Ended(succeeded=False, reason=late)), delivery)
        else:
            self._start(command, delivery)

    def _start(self, command: DeployCommand, delivery: Delivery) -> None:
        now = _now()
        self._spans.begin(command, delivery)
        started = deployment_reports.started(command.id, self._options.source, now)
        self._publisher.publish([self._spans.placed(started, command.id)])
        self._runs.begin(command.id, now)
        label = f"[{command.service}→{command.environment} {command.artifact.version}] "
        run = Run(
            self._options.program,
            command,
            environment={**self._environment, **self._spans.variables(command.id)},
            out=lambda line: self._out(label + line),
            err=lambda line: self._err(label + line),
        )
        self._running[command.id] = run
        self._deliveries[command.id] = [delivery]
        self._metrics.running.set(len(self._running))
        self._log.info("started", **deployment_reports.about(command))
        left = command.deadline - now if command.deadline is not None else timedelta.max
        limit = min(left, self._options.timeout or timedelta.max)
        thread = threading.Thread(target=self._run, args=(command, run, limit), name=f"run {command.id}", daemon=True)
        self._threads[command.id] = thread
        thread.start()

    def _run(self, command: DeployCommand, run: Run, limit: timedelta) -> None:
        """In the run's own thread: the end is durable before the main thread hears of it."""
        began = time.perf_counter()
        ended = run.wait(limit)
        seconds = time.perf_counter() - began
        fact = self._finished(command.id, ended)
        self._write_down(command.id, fact)
        self._spans.end(command.id, succeeded=ended.succeeded)
        self._metrics.run_seconds.observe(seconds)
        self._log.info(
            "succeeded" if ended.succeeded else "failed",
            **deployment_reports.about(command),
            seconds=round(seconds, 1),
            **({} if ended.succeeded else {"reason": ended.reason}),
        )
        self._metrics.commands.count("succeeded" if ended.succeeded else "failed")
        self._ended.put((command.id, fact))

    def _write_down(self, command: str, fact: bytes) -> None:
        """Return once the end is durable: a full disk delays the report and does not change it."""
        writing = Retrying(
            retry=retry_if_exception_type(Transient),
            wait=wait_fixed(1),
            before_sleep=lambda _: self._log.error("cannot write down the end of a run", command=command),
        )
        writing(self._runs.end, command, fact, _now())

    def _end(self, command: str, fact: bytes, delivery: Delivery) -> None:
        """Have an end reported at the next step, for a command that does not run."""
        self._runs.end(command, fact, _now())
        self._deliveries[command] = [delivery]
        self._unreported[command] = fact

    def _note_end(self, command: str, fact: bytes) -> None:
        self._unreported[command] = fact
        self._running.pop(command, None)
        self._threads.pop(command, None)
        self._metrics.running.set(len(self._running))

    def _say_what_ended(self, inbound: Inbound) -> None:
        while not self._ended.empty():
            self._note_end(*self._ended.get())
        if not self._unreported:
            return
        statement = dict(self._unreported)
        ends = [self._spans.placed(deployment_reports.end(*one), one[0]) for one in statement.items()]
        self._publisher.publish(ends)
        for command in statement:
            self._spans.forget(command)
            self._runs.report(command)
            del self._unreported[command]
        inbound.ack([delivery for command in statement for delivery in self._deliveries.pop(command, ())])

    def _wind_up(self) -> None:
        """Let what runs end by itself within the grace, then have it ended."""
        if self._running and not self._wait_logged:
            self._wait_logged = True
            self._log.info(
                "stopping: waiting for what runs; once more to stop it now",
                running=len(self._running),
                seconds=self._options.grace.total_seconds(),
            )
        over_at = self._over_at()
        if over_at is not None and time.monotonic() >= over_at:
            self._stop_runs()

    def _stop_runs(self) -> None:
        for run in list(self._running.values()):
            run.stop(STOPPED)

    def _over_at(self) -> float | None:
        """When the grace is over (monotonic), once asked to stop."""
        asked_at = self._signals.asked_at
        if asked_at is None or self._signals.force_stop:
            return asked_at
        return asked_at + self._options.grace.total_seconds()

    def _settle_interrupted(self, command: str) -> None:
        if self._options.rerun_interrupted:
            self._log.warning("was interrupted, will be run again", command=command)
            self._runs.forget(command)
        else:
            self._log.warning("was interrupted, reported as failed", command=command)
            fact = self._finished(command, Ended(succeeded=False, reason=INTERRUPTED))
            self._runs.end(command, fact, _now())

    def _finished(self, command: str, ended: Ended) -> bytes:
        return deployment_reports.finished(command, self._options.source, ended, _now())


def _now() -> datetime:
    return datetime.now(UTC)
