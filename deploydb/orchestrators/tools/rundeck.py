"""Rundeck: a run of a job → an execution → its status. An execution is found again by its option DEPLOYDB_COMMAND.

Source: https://docs.rundeck.com/docs/api/
"""

from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from msgspec import Meta

from deploydb.domain.model.requests import Request
from deploydb.orchestrators.conversation import (
    Conversation,
    Trouble,
    ask,
    document,
    json_request,
    require_all,
    text_at,
    tolerant,
    value_at,
)
from deploydb.orchestrators.orchestrator import (
    Checks,
    check_address,
    check_text,
)
from deploydb.orchestrators.parameters import COMMAND_PARAMETER, WithParameters
from deploydb.orchestrators.run import LAST_LINES, Finished, Run, Running, last_lines
from deploydb.orchestrators.task import CONFIGURED, Task

_EXECUTIONS = 200
"""How many of the newest executions of a job are searched."""
_FAILED = {
    "failed": "the execution has failed",
    "aborted": "the execution was aborted",
    "timedout": "the execution has timed out",
    "other": "the execution has ended with a status of its own",
}
_RETRIED = "failed-with-retry"
_WAITING = ("scheduled", "queued")


class RundeckOrchestrator(WithParameters, frozen=True, kw_only=True):
    """A job of Rundeck. It declares the option DEPLOYDB_COMMAND beside its own."""

    kind: ClassVar[str] = "rundeck"

    url: Annotated[str, Meta(description="The address of Rundeck.", max_length=8192)]
    job: Annotated[
        str,
        Meta(
            description="The job's id. Places: {service}, {environment}, {type}.",
            min_length=1,
            max_length=1024,
        ),
    ]
    api_version: Annotated[int, Meta(description="The version of Rundeck's API: 18 or newer.", ge=18, le=999)] = 40

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_address(checks, ("url",), self.url)
        check_text(checks, ("job",), self.job, CONFIGURED)

    def find(self, task: Task) -> Conversation[Run | None]:
        address = f"{self._job(task)}/executions?{urlencode({'max': _EXECUTIONS})}"
        found = value_at(document((yield from ask(self._request(task, address)))), "executions") or ()
        for execution in found:
            if text_at(execution, "job", "options", COMMAND_PARAMETER) == task.id:
                return _run_of(execution)
        since = task.searched_since.timestamp() * 1000
        require_all(found, _EXECUTIONS, older=(value_at(found, -1, "date-started", "unixtime") or since) < since)
        return None

    def start(self, task: Task) -> Conversation[Run]:
        body = {"options": self.given(task)}
        return _run_of(document((yield from ask(self._request(task, f"{self._job(task)}/run", body)))))

    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        address = f"{self._api}/execution/{quote(run.id, safe='')}"
        execution = document((yield from ask(self._request(task, address))))
        run, status = _run_of(execution), text_at(execution, "status")
        if status == "succeeded":
            return Finished(run=run, outcome="succeeded")
        retried = value_at(execution, "retriedExecution")
        if status == _RETRIED and retried is not None:
            return Running(run=_run_of(retried))
        if status != _RETRIED and status not in _FAILED:
            return Running(run=run)
        reason = _FAILED.get(text_at(execution, "status") or "", "the execution has failed, and is not retried")
        custom = text_at(execution, "customStatus")
        log = yield from tolerant(self._log(task, address), ())
        return Finished(run=run, outcome="failed", reason=f"{reason}: {custom}" if custom else reason, log=log)

    def _log(self, task: Task, address: str) -> Conversation[tuple[str, ...]]:
        query = urlencode({"lastlines": LAST_LINES, "format": "json"})
        answer = yield from ask(self._request(task, f"{address}/output?{query}"))
        entries = value_at(document(answer), "entries") or ()
        return last_lines("\n".join(text_at(entry, "log") or "" for entry in entries))

    @property
    def _api(self) -> str:
        return f"{self.url.rstrip('/')}/api/{self.api_version}"

    def _job(self, task: Task) -> str:
        return f"{self._api}/job/{quote(task.text(self.job), safe='')}"

    def _request(self, task: Task, address: str, body: dict[str, Any] | None = None) -> Request:
        token = (("X-Rundeck-Auth-Token", task.token),) if task.token else ()
        return json_request(address, ("Accept", "application/json"), *token, body=body)


def _run_of(execution: Any) -> Run:  # noqa: ANN401  # any JSON
    ident = text_at(execution, "id")
    if ident is None:
        raise Trouble("its answer names no execution")
    return Run(id=ident, url=text_at(execution, "permalink"), begun=text_at(execution, "status") not in _WAITING)


TOOL = RundeckOrchestrator
