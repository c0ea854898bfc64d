"""Orchestrate: has tools over HTTP run the deployments that are commanded, and follows them.

A command is taken from the queue of its orchestrator, becomes a row, and only then it is acked. A row that is due is
leased, and a thread takes its next step (`workers.run_step`). What is reported goes to the outbox in the transaction of
the step, so that a crash loses nothing and reports nothing twice. A tool that hangs delays no other.
"""

import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from deploydb.broker.dead_letter import dead_letter
from deploydb.broker.port import Delivery, Inbound, Message
from deploydb.broker.topology import command_queue
from deploydb.configuration import LiveCatalog
from deploydb.domain.model.access import ORCHESTRATE_SOURCE
from deploydb.domain.model.errors import MessageRejected
from deploydb.egress import Client
from deploydb.store import orchestrator_runs
from deploydb.store.clock import DatabaseClock
from deploydb.store.orchestrator_runs import OpenRun, TakenCommand
from deploydb.store.schema import require_current

from . import deployment_reports, run_step
from .command_inbounds import CommandInbounds
from .command_spans import begin_command
from .confirmed_publisher import ConfirmedPublisher
from .intervals import LONGEST_WAIT, LOOK_AT_FILES_EVERY_SECONDS, Every, wait_until
from .loop import LATER_OUTAGES, OUTAGES, Worker
from .orchestrate_metrics import FAILING_FROM, STATES, OrchestrateMetrics
from .process import Process
from .run_step import RunStep, Variable

BATCH = 100
PER_ORCHESTRATOR = 8
"""Steps of one orchestrator at one time."""
STEPPING = 8
"""Steps that are written down at one time: each needs a connection to the database."""
COUNT_EVERY_SECONDS = 2.0
PRUNE_EVERY_SECONDS = 3600.0
GRACE_SECONDS = 3.0


class Orchestrate(Worker):
    """Runs commands by tools. Any number of these work side by side, each command in one of them at a time."""

    def __init__(
        self,
        around: Process,
        *,
        engine: sa.Engine,
        live: LiveCatalog,
        outgoing: Client,
        open_inbound: Callable[[str], Inbound],
        existing: Callable[[Sequence[str]], Sequence[str]],
        publisher: ConfirmedPublisher,
        variable: Variable,
    ) -> None:
        self._engine = engine
        self._live = live
        self._outgoing = outgoing
        self._publisher = publisher
        self._variable = variable
        self._signals = around.signals
        self._health = around.health
        self._log = around.log
        self._tracer = around.tracer
        self._metrics = OrchestrateMetrics(around.registry)
        self._clock = DatabaseClock(engine)
        self._inbounds = CommandInbounds(open_inbound, existing)
        self._lock = threading.Lock()
        self._writing = threading.BoundedSemaphore(STEPPING)
        self._in_hand: Tally[str] = Tally()
        self._files = Every(LOOK_AT_FILES_EVERY_SECONDS)
        self._counts = Every(COUNT_EVERY_SECONDS)
        self._prunes = Every(PRUNE_EVERY_SECONDS)

    @property
    def idle(self) -> bool:
        """No step is under way, or the grace has passed while we stop: the rest is taken up when its leases end."""
        return not self._in_hand.total() or self._signals.gives_up(GRACE_SECONDS)

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        """Steps go on from one session to the next."""
        require_current(self._engine)
        try:
            yield self._step
        finally:
            self._inbounds.close()
            self._publisher.close()

    def reload(self) -> None:
        """Read the configuration again, whether its files look changed or not."""
        self._refresh(force=True)

    def _step(self) -> None:
        if self._files.due():
            self._refresh(force=False)
        self._count()
        if self._prunes.due():
            orchestrator_runs.prune(self._engine, self._clock())
        if self._signals.stopping:
            self._signals.pause(0.05, until=lambda: not self._in_hand.total())
            return
        named = self._live.catalog.orchestrators()
        missing = self._inbounds.want([name for name in self._live.orchestrators if name in named])
        self._health.report("orchestrators", warnings=tuple(missing))
        wait = self._dispatch()
        for name, inbound, taken in self._inbounds.receive(BATCH, wait):
            self._take(name, inbound, taken)
        if not self._inbounds.open:
            self._signals.pause(wait.total_seconds())

    def _take(self, name: str, inbound: Inbound, taken: Sequence[Delivery]) -> None:
        commands: list[TakenCommand] = []
        letters: list[Message] = []
        for delivery in taken:
            try:
                command = deployment_reports.reportable(delivery, ORCHESTRATE_SOURCE, datetime.now(UTC))
                span = begin_command(self._tracer, command_queue(name), command, delivery)
                span.end()
                commands.append(
                    TakenCommand(
                        command=command.id,
                        orchestrator=name,
                        deployment=command.deployment,
                        body=delivery.body.decode(),
                        trace=span.context,
                    )
                )
            except MessageRejected as refused:
                letters.append(dead_letter(delivery, command_queue(name), refused.reason, refused.path))
                self._log.warning("dead-lettered", reason=refused.reason, path=refused.path)
        added = orchestrator_runs.add(self._engine, commands, self._clock())
        self._publisher.bury(letters)
        inbound.ack(taken)
        self._metrics.commands.count("taken", added)
        self._metrics.commands.count("dead_lettered", len(letters))
        self._log.debug("taken", orchestrator=name, commands=len(commands), added=added)

    def _dispatch(self) -> timedelta:
        """Begin with the commands that are due. How long to wait for the next one."""
        # the look costs a read; a lease would take the writer's lock each time
        due = orchestrator_runs.next_due(self._engine)
        now = self._clock()
        if due is None or due > now:
            return wait_until(due, now)
        full = False
        for name in orchestrator_runs.due_orchestrators(self._engine, now):
            free = PER_ORCHESTRATOR - self._in_hand[name]
            if free <= 0:
                full = True
                continue
            for run in orchestrator_runs.lease(self._engine, name, now, limit=free, duration=run_step.LEASE):
                self._begin(run)
        return LONGEST_WAIT / 10 if full else wait_until(orchestrator_runs.next_due(self._engine), now)

    def _begin(self, run: OpenRun) -> None:
        with self._lock:
            self._in_hand[run.orchestrator] += 1
        # a daemon: one that hangs does not keep the process from ending
        threading.Thread(target=self._take_step, args=(run,), name=f"asks {run.orchestrator}", daemon=True).start()

    def _take_step(self, run: OpenRun) -> None:
        began = time.perf_counter()
        try:
            RunStep(
                run,
                engine=self._engine,
                orchestrators=self._live.orchestrators,
                outgoing=self._outgoing,
                variable=self._variable,
                clock=self._clock,
                metrics=self._metrics,
                log=self._log,
                writing=self._writing,
                tracer=self._tracer,
            ).take()
        except (*OUTAGES, *LATER_OUTAGES) as error:
            self._log.warning("a step is lost, taken again when its lease is over", error=str(error))
        except Exception as error:  # no other command stops for it
            self._log.error("a step has failed, taken again later", command=run.command, exc_info=error)
        finally:
            self._metrics.seconds.observe(time.perf_counter() - began)
            with self._lock:
                self._in_hand[run.orchestrator] -= 1

    def _count(self) -> None:
        if not self._counts.due():
            return
        backlog = orchestrator_runs.backlog(self._engine, failing_from=FAILING_FROM)
        for state in STATES:
            self._metrics.open.labels(state).set(backlog.states.get(state, 0))
        self._metrics.failing.set(sum(tool.commands for tool in backlog.failing))
        warnings = tuple(
            f"{tool.orchestrator}: {tool.failures} failures for the command {tool.command}: {tool.problem}"
            for tool in backlog.failing
        )
        self._health.report("commands", warnings=warnings)

    def _refresh(self, *, force: bool) -> None:
        if self._live.refresh(force=force):  # promote says what is wrong with a configuration
            self._log.info("configuration in force", digest=self._live.catalog.digest)
