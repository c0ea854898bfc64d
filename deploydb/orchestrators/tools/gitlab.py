"""GitLab: a pipeline with variables → its status. A pipeline is found again by its variable DEPLOYDB_COMMAND.

Source: https://docs.gitlab.com/api/pipelines/
"""

from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from msgspec import Meta

from deploydb.domain.model.requests import Request
from deploydb.orchestrators.code_hosts import GITLAB_URL, gitlab_request
from deploydb.orchestrators.conversation import (
    Conversation,
    Trouble,
    ask,
    document,
    require_all,
    text_at,
    tolerant,
)
from deploydb.orchestrators.orchestrator import (
    IN_PLACES,
    Checks,
    check_address,
    check_text,
)
from deploydb.orchestrators.parameters import COMMAND_PARAMETER, WithParameters
from deploydb.orchestrators.run import Finished, Run, Running, last_lines
from deploydb.orchestrators.task import CONFIGURED, Task

_SEARCHED = 15
"""How many pipelines since the start are searched, a request each."""
_WAITING = ("created", "waiting_for_resource", "preparing", "pending", "scheduled")
_FAILED = {
    "failed": "the pipeline has failed",
    "canceled": "the pipeline was canceled",
    "skipped": "the pipeline was skipped",
}


class GitLabOrchestrator(WithParameters, frozen=True, kw_only=True):
    """A pipeline of a project of GitLab."""

    kind: ClassVar[str] = "gitlab"

    project: Annotated[
        str,
        Meta(
            description="group/name, or the id. Places: {service}, {environment}, {type}.", min_length=1, max_length=512
        ),
    ]
    ref: Annotated[
        str, Meta(description=f"The branch or tag whose pipeline is run. {IN_PLACES}", min_length=1, max_length=512)
    ] = "main"
    url: Annotated[str, Meta(description="The address of GitLab.", max_length=8192)] = GITLAB_URL

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_address(checks, ("url",), self.url)
        check_text(checks, ("project",), self.project, CONFIGURED)
        check_text(checks, ("ref",), self.ref)
        if self.token_from is None:
            checks.problem((), "token_from is missing: GitLab starts nothing without a token")

    def find(self, task: Task) -> Conversation[Run | None]:
        since = task.searched_since.strftime("%Y-%m-%dT%H:%M:%SZ")
        query = urlencode({"source": "api", "updated_after": since, "order_by": "id", "per_page": 100})
        known = document((yield from ask(self._request(task, f"/pipelines?{query}"))))
        for pipeline in known[:_SEARCHED]:
            run = _run_of(pipeline)
            variables = document((yield from ask(self._request(task, f"{_path(run)}/variables"))))
            if any(
                text_at(each, "key") == COMMAND_PARAMETER and text_at(each, "value") == task.id for each in variables
            ):
                return run
        require_all(known, _SEARCHED + 1)
        return None

    def start(self, task: Task) -> Conversation[Run]:
        variables = [{"key": name, "value": value} for name, value in self.given(task).items()]
        body = {"ref": task.text(self.ref), "variables": variables}
        return _run_of(document((yield from ask(self._request(task, "/pipeline", body)))))

    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        pipeline = document((yield from ask(self._request(task, _path(run)))))
        run, status = _run_of(pipeline), text_at(pipeline, "status") or ""
        if status == "success":
            return Finished(run=run, outcome="succeeded")
        if status not in _FAILED:
            return Running(run=run)
        names, first = yield from tolerant(self._failed_jobs(task, run), ("", None))
        log = yield from tolerant(self._log(task, first), ())
        return Finished(run=run, outcome="failed", reason=_FAILED[status] + (f": {names}" if names else ""), log=log)

    def _failed_jobs(self, task: Task, run: Run) -> Conversation[tuple[str, str | None]]:
        """Their names, and the id of the first one."""
        request = self._request(task, f"{_path(run)}/jobs?{urlencode({'scope[]': 'failed'})}")
        failed = document((yield from ask(request)))
        names = ", ".join(f"{text_at(job, 'name')}" for job in failed)
        return names, text_at(failed, 0, "id")

    def _log(self, task: Task, job: str | None) -> Conversation[tuple[str, ...]]:
        if job is None:
            return ()
        answer = yield from ask(self._request(task, f"/jobs/{quote(job, safe='')}/trace"))
        return last_lines(answer.body.decode("utf-8", "replace")) if answer.complete else ()

    def _request(self, task: Task, path: str, body: dict[str, Any] | None = None) -> Request:
        return gitlab_request(self.url, task.text(self.project), task.token, path, body)


def _path(run: Run) -> str:
    return f"/pipelines/{quote(run.id, safe='')}"


def _run_of(pipeline: Any) -> Run:  # noqa: ANN401  # any JSON
    ident = text_at(pipeline, "id")
    if ident is None:
        raise Trouble("its answer names no pipeline")
    return Run(id=ident, url=text_at(pipeline, "web_url"), begun=text_at(pipeline, "status") not in _WAITING)


TOOL = GitLabOrchestrator
