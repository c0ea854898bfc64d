"""One step of one command: it is started at its tool, or looked at there, and what follows is written down.

The state `starting` is committed before the request. So of a command that is found in it, the request may have been
taken: the tool is searched for its run before it is asked to start one again.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.broker.topology import EVENTS
from deploydb.domain.formatting import error_text, in_words
from deploydb.domain.model.access import ORCHESTRATE_SOURCE as SOURCE
from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted
from deploydb.egress import Client, NoAnswer
from deploydb.orchestrators.attempts import FOLLOWED_BEYOND, MOST_REFUSALS, MOST_REFUSED_LOOKS, pause_after
from deploydb.orchestrators.conversation import Conversation, Lost, Trouble
from deploydb.orchestrators.orchestrator import SHORTEST_LOOK, Orchestrator
from deploydb.orchestrators.run import Finished, Run
from deploydb.orchestrators.task import Task
from deploydb.redaction import redacted
from deploydb.store import orchestrator_runs
from deploydb.store.orchestrator_runs import OpenRun
from deploydb.telemetry import Log
from deploydb.wire.native import decode_command

from .orchestrate_metrics import OrchestrateMetrics

T = TypeVar("T")

LEASE = timedelta(seconds=90)
WITHIN_SECONDS = 40.0
"""A conversation asks nothing more after that: its last answer comes long before the lease ends."""
_MOST_REQUESTS = 20
_LONGEST_REASON = 4000

Variable = Callable[[str], str | None]
"""The value of an environment variable, or of the file that it names."""


def converse(conversation: Conversation[T], outgoing: Client, *, within: float = WITHIN_SECONDS) -> T:
    """What the conversation finds out. Raises: Trouble, Lost."""
    over_at = time.monotonic() + within
    try:
        request = next(conversation)
        for _ in range(_MOST_REQUESTS):
            if time.monotonic() > over_at:
                break
            answer = outgoing.ask(request)
            if isinstance(answer, NoAnswer):
                raise Trouble(f"{request.method} {request.url.partition('?')[0]}: {answer.reason}")
            request = conversation.send(answer)
    except StopIteration as ended:
        found: T = ended.value
        return found
    finally:
        conversation.close()
    raise Trouble(f"no end after {in_words(timedelta(seconds=within))}")


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
        writing: AbstractContextManager[bool],
    ) -> None:
        self._run = run
        self._command = decode_command(run.body.encode())
        self._engine = engine
        self._orchestrators = orchestrators
        self._outgoing = outgoing
        self._variable = variable
        self._clock = clock
        self._metrics = metrics
        self._log = log.bind(command=run.command, orchestrator=run.orchestrator)
        self._token = ""
        self._settles = timedelta(0)
        self._writing = writing

    def take(self) -> None:
        """Take the step. Raises: as `store.engine.transact`."""
        run, now = self._run, self._clock()
        deadline = run.deadline or self._command.deadline
        if run.over is not None:
            self._close(run.over, now)
        elif deadline is None:
            self._ask(now)
        elif run.state != "started" and now >= deadline:
            self._finish("failed", f"not started by its deadline{f': {run.problem}' if run.problem else ''}")
        elif now >= deadline + FOLLOWED_BEYOND:
            self._finish("failed", f"no end {in_words(FOLLOWED_BEYOND)} after its deadline: no longer looked at")
        else:
            self._ask(now)

    def _ask(self, now: datetime) -> None:
        try:
            orchestrator = self._orchestrator()
            task = Task(command=self._command, token=self._token, since=self._run.taken_at)
            if self._run.state == "started":
                self._look(orchestrator, task, now)
            else:
                self._start(orchestrator, task)
        except Lost as lost:
            self._finish("failed", str(lost))
        except Trouble as trouble:
            self._put_off(trouble)
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as error:  # an answer of no documented shape
            self._put_off(Trouble(f"its answer cannot be read: {error_text(error)}"))

    def _orchestrator(self) -> Orchestrator:
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
            self._token = token
        return found

    def _start(self, orchestrator: Orchestrator, task: Task) -> None:
        begun = converse(orchestrator.find(task), self._outgoing) if self._run.state == "starting" else None
        if begun is None:
            now = self._clock()
            if not self._change(now, due_at=now + LEASE, state="starting", attempts=self._run.attempts + 1):
                return
            self._run = replace(self._run, state="starting", attempts=self._run.attempts + 1, until=now + LEASE)
            begun = converse(orchestrator.start(task), self._outgoing)
            self._log.info("started", run=begun.id, url=begun.url)
        else:
            self._log.info("found to be started", run=begun.id, url=begun.url)
        now = self._clock()
        self._keep(begun, now, now + SHORTEST_LOOK, started_at=now)

    def _look(self, orchestrator: Orchestrator, task: Task, now: datetime) -> None:
        known = Run(id=self._run.run_id or "", url=self._run.run_url, etag=self._run.etag)
        seen = converse(orchestrator.poll(task, known), self._outgoing)
        if isinstance(seen, Finished):
            self._run = replace(self._run, run_url=seen.run.url)
            self._finish(seen.outcome, "\n".join((seen.reason, *seen.log)) if seen.reason else "")
        else:
            started_at = self._run.started_at or now
            self._keep(seen.run, now, self._clock() + orchestrator.pause(now - started_at), started_at=started_at)

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

    def _finish(self, outcome: Literal["succeeded", "failed"], reason: str) -> None:
        now = self._clock()
        reason = self._shown(reason)
        fact = DeploymentFinished(
            id=f"{self._run.command}/finished",
            source=SOURCE,
            time=now,
            command=self._run.command,
            outcome=outcome,
            reason=reason or None,
            url=self._run.run_url,
        )
        announces = self._run.state == "started" and self._run.announced_at is None
        facts = (self._started(now), fact) if announces else (fact,)
        ended = {"state": "finished", "finished_at": now, "outcome": outcome, "problem": reason or None}
        if self._change(now, due_at=None, facts=facts, run_url=self._run.run_url, **ended):
            self._metrics.commands.labels(outcome).inc()
            self._log.info(outcome, url=self._run.run_url, reason=reason or None)

    def _close(self, why: str, now: datetime) -> None:
        if self._change(now, due_at=None, state="finished", finished_at=now, problem=why):
            self._metrics.commands.labels("closed").inc()
            self._log.info("closed", reason=why)

    def _put_off(self, trouble: Trouble) -> None:
        now, run = self._clock(), self._run
        self._metrics.failures.labels(run.orchestrator).inc()
        refusals = run.refusals + 1 if trouble.refused else 0
        problem = self._shown(str(trouble))
        unstarted = run.state != "started"
        if refusals >= (MOST_REFUSALS if unstarted else MOST_REFUSED_LOOKS):
            what = "not started" if unstarted else "its run can no longer be looked at"
            self._finish("failed", f"{what}: {problem}")
            return
        failures = run.failures + 1
        pause = pause_after(failures, trouble.retry_after, now, jitter=random.random())  # noqa: S311  # no secret
        if run.state == "starting" and not trouble.refused:  # it may have been taken, and is searched for
            pause = max(pause, self._settles)
        self._change(now, due_at=now + pause, failures=failures, refusals=refusals, problem=problem)
        self._log.warning("the tool does not answer well", problem=problem, failures=failures)

    def _started(self, now: datetime) -> DeploymentStarted:
        return DeploymentStarted(
            id=f"{self._run.command}/started",
            source=SOURCE,
            time=self._run.started_at or now,
            command=self._run.command,
            url=self._run.run_url,
        )

    def _change(
        self,
        now: datetime,
        *,
        due_at: datetime | None,
        facts: Sequence[DeploymentStarted | DeploymentFinished] = (),
        **values: Any,  # noqa: ANN401  # of columns
    ) -> bool:
        with self._writing:
            changed = orchestrator_runs.change(
                self._engine, self._run, now, due_at=due_at, facts=facts, exchange=EVENTS, **values
            )
        if not changed:
            self._log.warning("the lease was over: another worker has the command")
        return changed

    def _shown(self, text: str) -> str:
        """Without the credential, which a tool may repeat."""
        return redacted(text, (self._token,) if self._token else ())[:_LONGEST_REASON]
