"""One step of one command: it is started at its tool, or looked at there, and what follows is written down.

The state `starting` is committed before the request. So of a command that is found in it, the request may have been
taken: the tool is searched for its run before it is asked to start one again.
"""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa
from msgspec.structs import replace
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from deploydb.broker.topology import EVENTS
from deploydb.domain.formatting import in_words
from deploydb.domain.model.access import ORCHESTRATE_SOURCE as SOURCE
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted
from deploydb.egress import Client
from deploydb.orchestrators.attempts import FOLLOWED_BEYOND, MOST_REFUSALS, MOST_REFUSED_LOOKS, pause_after
from deploydb.orchestrators.conversation import Lost, Trouble
from deploydb.orchestrators.orchestrator import SHORTEST_LOOK, Orchestrator
from deploydb.orchestrators.run import Finished, Run
from deploydb.orchestrators.task import Task
from deploydb.store import orchestrator_runs
from deploydb.store.orchestrator_runs import OpenRun
from deploydb.telemetry import Log
from deploydb.tracing import Span, Tracer
from deploydb.wire.native import decode_command

from .command_spans import about
from .converse import converse
from .loop import LATER_OUTAGES, OUTAGES
from .orchestrate_metrics import OrchestrateMetrics
from .tool_texts import ToolTexts

LEASE = timedelta(seconds=90)
"""The longest conversation takes a minute. The rest is for the database: until then, an answered start is tried to be
written down."""

_LONGEST_PROBLEM = 1000
_LOST = "the answer to the start was lost"
_GIVEN_UP = {
    "taken": "not started",
    "starting": "whether it has started cannot be found out",
    "started": "its run can no longer be looked at",
}

Variable = Callable[[str], str | None]
"""The value of an environment variable, or of the file that it names."""


class RunStep:
    """A step of a command that this worker has leased."""

    def __init__(
        self,
        run: OpenRun,
        *,
        engine: sa.Engine,
        orchestrators: Mapping[str, Orchestrator],
        outgoing: Client,
        variable: Variable,
        clock: Callable[[], datetime],
        metrics: OrchestrateMetrics,
        log: Log,
        writing: threading.Semaphore,
        tracer: Tracer,
    ) -> None:
        self._tracer = tracer
        self._run = run
        self._engine = engine
        self._orchestrators = orchestrators
        self._outgoing = outgoing
        self._variable = variable
        self._clock = clock
        self._metrics = metrics
        self._log = log.bind(command=run.command, orchestrator=run.orchestrator)
        self._texts = ToolTexts()
        self._settles = timedelta(0)
        self._writing = writing

    def take(self) -> None:
        """Take the step. Raises: as `store.engine.transact`, where the database is away."""
        try:
            self._step()
        except (*OUTAGES, *LATER_OUTAGES):
            raise
        except Exception as error:  # no other command stops for it
            self._log.error("a step has failed, taken again later", exc_info=error)
            self._put_off(Trouble(f"an error of DeployDB, {type(error).__name__}: see the log of orchestrate"))

    def _step(self) -> None:
        run, now = self._run, self._clock()
        if run.over is not None:
            self._close(run.over, now)
        elif not self._is_over(now):
            self._ask(now)
        elif run.state == "taken":
            self._finish_unstarted()
        elif self._is_over(now - FOLLOWED_BEYOND):
            self._finish("failed", f"no end {in_words(FOLLOWED_BEYOND)} after its deadline: no longer looked at")
        else:
            self._ask(now)

    @cached_property
    def _command(self) -> DeployCommand:
        return decode_command(self._run.body.encode())

    def _is_over(self, now: datetime) -> bool:
        return self._run.deadline is not None and now >= self._run.deadline

    def _ask(self, now: datetime) -> None:
        try:
            orchestrator, token = self._orchestrator()
            task = Task(command=self._command, token=token, since=self._run.taken_at)
            if self._run.state == "started":
                self._look(orchestrator, task, now)
            else:
                self._start(orchestrator, task)
        except Lost as lost:
            self._finish("failed", f"{_LOST}, and {lost}")
        except Trouble as trouble:
            self._put_off(trouble)

    def _orchestrator(self) -> tuple[Orchestrator, str]:
        found = self._orchestrators.get(self._run.orchestrator)
        if found is None:
            raise Trouble(f"orchestrators/{self._run.orchestrator}.yml is not configured any more")
        self._settles = found.settles
        if found.token_from is not None:
            try:
                token = self._variable(found.token_from)
            except Misconfigured as error:
                raise Trouble(str(error)) from error
            if not token:
                raise Trouble(f"{found.token_from} is not set: set it, or {found.token_from}_FILE, for orchestrate")
            self._texts = ToolTexts(*found.secrets(token))
            return found, token
        return found, ""

    def _start(self, orchestrator: Orchestrator, task: Task) -> None:
        repeats = self._run.state == "starting"
        begun = converse(orchestrator.find(task), self._outgoing, self._run.trace) if repeats else None
        lost = repeats and not orchestrator.searches  # an earlier start may still have been taken
        if begun is None:
            now = self._clock()
            if self._is_over(now):  # the search may have taken long
                self._finish_unstarted(lost=lost)
                return
            if repeats and not lost:
                self._run = replace(self._run, refusals=0)  # those of the search
            if not self._change(now, due_at=LEASE, state="starting", attempts=self._run.attempts + 1):
                return
            self._run = replace(self._run, state="starting", attempts=self._run.attempts + 1)
            span = Span(None)
            if self._run.trace is not None:
                name = f"start {self._run.orchestrator}"
                span = self._tracer.begin(name, "client", self._run.trace, about(self._command))
            try:
                run = self._texts.run(converse(orchestrator.start(task), self._outgoing, span.context))
            except BaseException as error:
                span.end(error="no good answer" if isinstance(error, Trouble) else type(error).__name__)
                if isinstance(error, Trouble) and error.untaken and not lost:
                    self._run = replace(self._run, state="taken")
                raise
            span.end({"cicd.pipeline.run.url.full": run.url} if run.url else None)
            what = "started"
        else:
            what = "found to be started"
            run = self._texts.run(begun)
        self._log.info(what, run=self._texts.text(run.id), url=run.url)
        again = Retrying(
            retry=retry_if_exception_type(Transient),
            wait=wait_random(0.1, 1),
            stop=stop_after_delay(self._seconds_left(self._clock())),
            reraise=True,
        )
        again(self._keep_start, run)  # a tool that cannot be searched names its run only once

    def _look(self, orchestrator: Orchestrator, task: Task, now: datetime) -> None:
        known = Run(id=self._run.run_id or "", url=self._run.run_url, etag=self._run.etag)
        seen = converse(orchestrator.poll(task, known), self._outgoing, self._run.trace)
        if isinstance(seen, Finished):
            url, reason = self._texts.end(seen)
            self._run = replace(self._run, run_url=url)
            self._finish(seen.outcome, reason, begun=seen.run.begun)
        else:
            started_at = self._run.started_at or now
            due_at = self._clock() + orchestrator.pause(now - started_at)
            self._keep(self._texts.run(seen.run), now, due_at, started_at=started_at)

    def _keep_start(self, run: Run) -> None:
        now = self._clock()
        self._keep(run, now, now + SHORTEST_LOOK, started_at=now)

    def _keep(self, run: Run, now: datetime, due_at: datetime, *, started_at: datetime) -> None:
        announces = run.begun and self._run.announced_at is None
        self._run = replace(self._run, run_url=run.url)
        self._change(
            now,
            due_at=due_at,
            facts=(self._started(now),) if announces else (),
            state="started",
            run_id=run.id,
            run_url=run.url,
            etag=run.etag,
            started_at=started_at,
            announced_at=now if announces else self._run.announced_at,
            failures=0,
            refusals=0,
            problem=None,
        )

    def _finish(self, outcome: Literal["succeeded", "failed"], reason: str, *, begun: bool = False) -> None:
        now = self._clock()
        reason = self._texts.text(reason)
        fact = DeploymentFinished(
            id=f"{self._run.command}/finished",
            source=SOURCE,
            time=now,
            command=self._run.command,
            outcome=outcome,
            reason=reason or None,
            url=self._run.run_url,
        )
        announces = begun and self._run.announced_at is None
        facts = (self._started(now), fact) if announces else (fact,)
        ended = {"state": "finished", "finished_at": now, "outcome": outcome, "problem": reason or None}
        if self._change(now, due_at=None, facts=facts, run_url=self._run.run_url, **ended):
            self._metrics.commands.count(outcome)
            self._log.info(outcome, url=self._run.run_url, reason=reason or None)

    def _finish_unstarted(self, *, lost: bool = False) -> None:
        what = f"{_LOST}, and no later one was answered well" if lost else "not started"
        problem = f": {self._run.problem}" if self._run.problem else ""
        self._finish("failed", f"{what} by its deadline{problem}")

    def _close(self, why: str, now: datetime) -> None:
        if self._change(now, due_at=None, state="finished", finished_at=now, problem=why):
            self._metrics.commands.count("closed")
            self._log.info("closed", reason=why)

    def _put_off(self, trouble: Trouble) -> None:
        now, run = self._clock(), self._run
        self._metrics.failures.labels(run.orchestrator).inc()
        refusals = run.refusals + 1 if trouble.refused else 0
        problem = self._texts.text(str(trouble), _LONGEST_PROBLEM)
        if refusals >= (MOST_REFUSALS if run.state == "taken" else MOST_REFUSED_LOOKS):
            self._finish("failed", f"{_GIVEN_UP[run.state]}: {problem}")
            return
        failures = run.failures + 1
        pause = pause_after(failures, trouble.retry_after, now, jitter=random.random())  # noqa: S311  # no secret
        if run.state == "starting" and not trouble.refused:  # it may have been taken, and is searched for
            pause = max(pause, self._settles)
        self._change(now, due_at=now + pause, state=run.state, failures=failures, refusals=refusals, problem=problem)
        self._log.warning("the tool does not answer well", problem=problem, failures=failures)

    def _started(self, now: datetime) -> DeploymentStarted:
        return DeploymentStarted(
            id=f"{self._run.command}/started",
            source=SOURCE,
            time=now,
            command=self._run.command,
            url=self._run.run_url,
        )

    def _seconds_left(self, now: datetime) -> float:
        """Of the lease."""
        return max((self._run.until - now).total_seconds(), 0)

    def _change(
        self,
        now: datetime,
        *,
        due_at: datetime | timedelta | None,
        facts: Sequence[DeploymentStarted | DeploymentFinished] = (),
        **values: Any,  # noqa: ANN401  # of columns
    ) -> bool:
        """`due_at` as a duration: a lease, from the turn to write on. What is left of the one before may be nothing."""
        if not self._writing.acquire(timeout=self._seconds_left(now)):
            raise Transient("the lease was over before its turn to be written down: the database is slow")
        try:
            due_at = self._clock() + due_at if isinstance(due_at, timedelta) else due_at
            changed = orchestrator_runs.change(
                self._engine, self._run, now, due_at=due_at, facts=facts, exchange=EVENTS, **values
            )
            if changed and due_at is not None:
                self._run = replace(self._run, until=due_at)
        finally:
            self._writing.release()
        if not changed:
            self._log.warning("the lease was over: another worker has the command")
        return changed
