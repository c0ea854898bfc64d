"""GitHub Actions: workflow_dispatch or repository_dispatch → a run of a workflow → its conclusion.

GitHub gives no inputs of a run. It is found again by its title, so the workflow has the command's id in `run-name`.
Where a run since then has no id of a command in its title, whether it is the one that is searched for is unknown, and
no other is started.

Source: https://docs.github.com/en/rest/actions/workflows, https://docs.github.com/en/rest/actions/workflow-runs
"""

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from msgspec import Meta
from msgspec.structs import replace

from deploydb.domain.model.requests import Request
from deploydb.orchestrators.code_hosts import GITHUB_URL, check_repository, github_request
from deploydb.orchestrators.conversation import (
    Conversation,
    Lost,
    Trouble,
    ask,
    document,
    of_started,
    require_all,
    text_at,
    tolerant,
    value_at,
)
from deploydb.orchestrators.orchestrator import (
    IN_PLACES,
    Checks,
    check_address,
    check_text,
)
from deploydb.orchestrators.parameters import COMMAND_PARAMETER, WithParameters
from deploydb.orchestrators.run import Finished, Run, Running
from deploydb.orchestrators.task import CONFIGURED, Task

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An id of a command."""
_RUNS = 100
"""How many runs since the start are searched."""
_BEGUN = ("in_progress", "completed")
_MOST_INPUTS = 25
_MOST_FIELDS = 10
"""Of `inputs`, and of `client_payload`."""


class GitHubOrchestrator(WithParameters, frozen=True, kw_only=True):
    """A workflow of GitHub Actions. It has the command's id in its `run-name`, so that its run is found again."""

    kind: ClassVar[str] = "github"
    settles: ClassVar[timedelta] = timedelta(seconds=30)

    repository: Annotated[
        str, Meta(description="owner/name. Places: {service}, {environment}, {type}.", min_length=3, max_length=512)
    ]
    workflow: Annotated[
        str | None, Meta(description="The file of a workflow with workflow_dispatch, such as deploy.yml.")
    ] = None
    event: Annotated[
        str | None, Meta(description="The type of a repository_dispatch event, in the place of workflow.")
    ] = None
    ref: Annotated[
        str, Meta(description=f"The branch or tag whose workflow is run. {IN_PLACES}", min_length=1, max_length=512)
    ] = "main"
    url: Annotated[str, Meta(description="The address of the API.", max_length=8192)] = GITHUB_URL

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_address(checks, ("url",), self.url)
        check_text(checks, ("repository",), self.repository, CONFIGURED)
        check_text(checks, ("ref",), self.ref)
        check_repository(checks, self.repository)
        if (self.workflow is None) is (self.event is None):
            checks.problem(("workflow",), "expected either workflow or event")
        if self.token_from is None:
            checks.problem((), "token_from is missing: GitHub starts nothing without a token")
        most = (_MOST_INPUTS if self.event is None else _MOST_FIELDS) - 1
        if self.parameters is not None and len(self.parameters) > most:
            checks.problem(("parameters",), f"GitHub takes {most} beside {COMMAND_PARAMETER}")

    def find(self, task: Task) -> Conversation[Run | None]:
        since = task.searched_since.strftime("%Y-%m-%dT%H:%M:%SZ")
        event = "repository_dispatch" if self.workflow is None else "workflow_dispatch"
        query = urlencode({"event": event, "created": f">={since}", "per_page": _RUNS})
        runs = "/runs" if self.workflow is None else f"/workflows/{quote(self.workflow, safe='')}/runs"
        found = value_at(document((yield from ask(self._request(task, f"/actions{runs}?{query}")))), "workflow_runs")
        unnamed = None
        for run in found or ():
            title = f"{text_at(run, 'display_title')} {text_at(run, 'name')}"
            if task.id in title:
                return _run_of(run)
            unnamed = unnamed or (None if _ID.search(title) else run)
        if unnamed is not None:
            raise Lost(
                f"whether {text_at(unnamed, 'html_url')} is its run is unknown: "
                f"put {COMMAND_PARAMETER} into the run-name of the workflow"
            )
        require_all(found or (), _RUNS)
        return None

    def start(self, task: Task) -> Conversation[Run]:
        given = self.given(task)
        if self.workflow is None:
            yield from ask(self._request(task, "/dispatches", {"event_type": self.event, "client_payload": given}))
            return Run(id="", begun=False)
        address = f"/actions/workflows/{quote(self.workflow, safe='')}/dispatches"
        body = {"ref": task.text(self.ref), "inputs": given, "return_run_details": True}
        answer = yield from ask(self._request(task, address, body))
        if answer.status == 204:  # of a GitHub server that does not know return_run_details
            return Run(id="", begun=False)
        started = document(answer)
        ident = text_at(started, "workflow_run_id")
        return Run(id=ident or "", url=text_at(started, "html_url"), begun=False)

    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        if not run.id:
            found = yield from of_started(self.find(task))
            return Running(run=found or replace(run, begun=False))
        address = f"/actions/runs/{quote(run.id, safe='')}"
        request = self._request(task, address)
        if run.etag is not None:
            request = replace(request, headers=(*request.headers, ("If-None-Match", run.etag)))
        answer = yield from ask(request, 304)
        if answer.status == 304:
            return Running(run=replace(run, begun=False))  # as it was
        seen = document(answer)
        run = replace(_run_of(seen), etag=answer.headers.get("etag"))
        if text_at(seen, "status") != "completed":
            return Running(run=run)
        conclusion = text_at(seen, "conclusion")
        if conclusion == "success":
            return Finished(run=run, outcome="succeeded")
        log = yield from tolerant(self._failed_steps(task, address), ())
        return Finished(run=run, outcome="failed", reason=f"the conclusion of the run is {conclusion}", log=log)

    def _failed_steps(self, task: Task, address: str) -> Conversation[tuple[str, ...]]:
        """The jobs that have not succeeded, with their step: GitHub gives the log itself as an archive alone."""
        answer = yield from ask(self._request(task, f"{address}/jobs?per_page=100"))
        bad = ("failure", "cancelled", "timed_out")
        return tuple(
            f"{text_at(job, 'name')}: "
            + (", ".join(_names(value_at(job, "steps"), bad)) or f"{text_at(job, 'conclusion')}")
            for job in value_at(document(answer), "jobs") or ()
            if text_at(job, "conclusion") in bad
        )

    def _request(self, task: Task, path: str, body: dict[str, Any] | None = None) -> Request:
        return github_request(self.url, task.text(self.repository), task.token, path, body)


def _run_of(run: Any) -> Run:  # noqa: ANN401  # any JSON
    ident = text_at(run, "id")
    if ident is None:
        raise Trouble("its answer names no run")
    return Run(id=ident, url=text_at(run, "html_url"), begun=text_at(run, "status") in _BEGUN)


def _names(steps: Any, conclusions: tuple[str, ...]) -> list[str]:  # noqa: ANN401  # any JSON
    return [f"{text_at(step, 'name')}" for step in steps or () if text_at(step, "conclusion") in conclusions]


TOOL = GitHubOrchestrator
