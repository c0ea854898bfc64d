"""Any tool with an HTTP interface, as its file describes it: a request starts a run, another one asks for its state.

Each start has the command's id as its `Idempotency-Key`
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
"""

import json
import re
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field
from msgspec.structs import replace

from deploydb.domain import templates
from deploydb.domain.model.requests import Answer, Request
from deploydb.domain.unsafe_characters import in_one_line
from deploydb.orchestrators.conversation import Conversation, Lost, Trouble, ask, document, text_at
from deploydb.orchestrators.orchestrator import IN_PLACES, Checks, Orchestrator, Path, check_text
from deploydb.orchestrators.run import Finished, Run, Running, last_lines
from deploydb.orchestrators.task import CONFIGURED, PLACES, Task

RUN = "run"
_WITH_RUN = (*PLACES, RUN)
_FIELD = re.compile(r"\$(\.[^.\s{}]+)+")
_ANSWER_BYTES = 1024 * 1024
_DESCRIBED = "a field of the answer, such as $.data.id."

Field = Annotated[str, Meta(max_length=1024)]
Url = Annotated[str, Meta(max_length=8192)]


class HttpOrchestrator(Orchestrator, frozen=True, kw_only=True):
    """A tool with an HTTP interface of its own. Without `status_url` it reports the end itself, as
    `deployment.finished` with the command's id."""

    kind: ClassVar[str] = "http"

    url: Annotated[str, Meta(description=f"Where a run is started. {IN_PLACES}", max_length=8192)]
    method: Annotated[Literal["POST", "PUT"], Meta(description="The method of the start.")] = "POST"
    headers: Annotated[dict[str, str], Meta(description="Further headers of each request, without secrets.")] = field(
        default_factory=dict
    )
    body: Annotated[
        str, Meta(description=f"The body of the start: JSON, or what a header says. {IN_PLACES}", max_length=65536)
    ] = '{"command":"{command}","service":"{service}","environment":"{environment}","version":"{version}"}'
    run: Annotated[
        Field | None, Meta(description=f"The run's id: {_DESCRIBED} By default the command's id stands for it.")
    ] = None
    run_url: Annotated[Field | None, Meta(description=f"The run's page: {_DESCRIBED}")] = None
    status_url: Annotated[
        Url | None, Meta(description="Where the state of a run is asked for. Places: {run}, and those of url.")
    ] = None
    state: Annotated[Field, Meta(description=f"The state: {_DESCRIBED}")] = "$.status"
    succeeded: Annotated[tuple[str, ...], Meta(description="The states that are a success.")] = ("succeeded", "success")
    failed: Annotated[tuple[str, ...], Meta(description="The states that are a failure.")] = (
        "failed",
        "failure",
        "error",
        "cancelled",
    )
    reason: Annotated[Field | None, Meta(description=f"Why it has failed: {_DESCRIBED}")] = None
    log: Annotated[Field | None, Meta(description=f"The log, of which the last lines are kept: {_DESCRIBED}")] = None
    idempotent: Annotated[
        bool,
        Meta(
            description="Whether two starts with the same header Idempotency-Key are one, so that one may be repeated."
        ),
    ] = False

    def check(self, checks: Checks) -> None:
        super().check(checks)
        _check_url(checks, ("url",), self.url, PLACES)
        if self.status_url is not None:
            _check_url(checks, ("status_url",), self.status_url, _WITH_RUN)
            if self._names_run and self.run is None:
                checks.problem(("run",), "run is missing: status_url has {run} in it")
            if not self._names_run and "{command}" not in self.status_url:
                message = "has neither {run} nor {command} in it: it would show the state of other runs as this one's"
                checks.problem(("status_url",), message)
        check_text(checks, ("body",), self.body)
        for problem in templates.body(self.body, self.headers.items(), PLACES).problems[:1]:
            checks.problem(("body",), problem)
        for name in ("run", "run_url", "state", "reason", "log"):
            path = getattr(self, name)
            if path is not None and not _FIELD.fullmatch(path):
                checks.problem((name,), f"{path} is no path of a field: expected $.name.name")
        for name, value in self.headers.items():
            if not name.isascii() or not value.isprintable() or ":" in name or not name:
                checks.problem(("headers", name), "is no header")
            if name.lower() in ("authorization", "idempotency-key", "cookie"):
                checks.problem(("headers", name), "is set by DeployDB: see token_from", key=True)

    @property
    def searches(self) -> bool:
        return self.status_url is not None and not self._names_run

    def find(self, task: Task) -> Conversation[Run | None]:
        if self.searches:
            answer = yield from ask(self._status(task, ""), 404)
            return self._run_of(document(answer), task) if answer.status != 404 else None
        if not self.idempotent:
            raise Lost(
                "the tool cannot be asked whether it has begun: "
                "write idempotent: true if it heeds Idempotency-Key, or a status_url by {command}"
            )
        return None

    def start(self, task: Task) -> Conversation[Run]:
        headers = (*self._headers(task), ("Idempotency-Key", task.id))
        request = Request(
            url=task.filled(templates.url(self.url, PLACES)),
            method=self.method,
            body=task.filled(templates.body(self.body, self.headers.items(), PLACES)),
            headers=headers,
            timeout=timedelta(seconds=20),
            limit_bytes=_ANSWER_BYTES,
        )
        answer = yield from ask(request)
        return self._run_of(document(answer) if self._names_run else _document(answer), task)

    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        if self.status_url is None:
            return Running(run=run)
        request = self._status(task, run.id)
        reading, _, etag = (run.etag or "").partition(" ")
        if etag and reading == self._reading:
            request = replace(request, headers=(*request.headers, ("If-None-Match", etag)))
        answer = yield from ask(replace(request, keep=("etag",)), 304)
        if answer.status == 304:
            return Running(run=run)
        found = document(answer)
        tag = answer.headers.get("etag")
        run = replace(run, url=run.url or _text(found, self.run_url), etag=tag and f"{self._reading} {tag}")
        state = _text(found, self.state)
        if state is None:
            raise Trouble(f"its answer has no {self.state}")
        if state in self.succeeded:
            return Finished(run=run, outcome="succeeded")
        if state not in self.failed:
            return Running(run=run)
        message = _text(found, self.reason)
        reason = f"it is {state}" + (f": {message}" if message else "")
        return Finished(
            run=run, outcome="failed", reason=in_one_line(reason), log=last_lines(_text(found, self.log) or "")
        )

    @property
    def _names_run(self) -> bool:
        return self.status_url is not None and f"{{{RUN}}}" in self.status_url

    @property
    def _reading(self) -> str:
        """A digest of how a state is read: by another configuration, the same answer may say something else."""
        return sha256(json.dumps([self.state, self.succeeded, self.failed]).encode()).hexdigest()[:16]

    def _run_of(self, found: Any, task: Task) -> Run:  # noqa: ANN401  # any JSON
        ident = _text(found, self.run) or (None if self._names_run else task.id)
        if ident is None:
            raise Trouble(f"its answer has no {self.run}, which names the run")
        return Run(id=ident, url=_text(found, self.run_url))

    def _status(self, task: Task, run: str) -> Request:
        template = templates.url(self.status_url or "", _WITH_RUN)
        return Request(
            url=template.fill_with({**task.values, RUN: run}),
            headers=self._headers(task),
            timeout=timedelta(seconds=10),
            limit_bytes=_ANSWER_BYTES,
        )

    def _headers(self, task: Task) -> tuple[tuple[str, str], ...]:
        bearer = (("Authorization", f"Bearer {task.token}"),) if task.token else ()
        return (*self.headers.items(), *bearer)


def _check_url(checks: Checks, at: Path, url: str, places: tuple[str, ...]) -> None:
    check_text(checks, at, url, places)
    problem = templates.address_problem(url)
    if problem is not None:
        checks.problem(at, problem)
        return
    found = templates.URL.fullmatch(url)
    if found is not None and any(f"{{{name}}}" in found[1] for name in (*CONFIGURED, *places)):
        checks.problem(at, "may have no place in its host: the credential is sent there")
    for problem in templates.url(url, places).problems[:1]:
        checks.problem(at, problem)


def _document(answer: Answer) -> Any:  # noqa: ANN401  # any JSON
    """The JSON of an answer that need have none."""
    try:
        return document(answer)
    except Trouble:
        return None


def _text(found: Any, path: str | None) -> str | None:  # noqa: ANN401  # any JSON
    """The text of a field, by its path."""
    return text_at(found, *path.removeprefix("$.").split(".")) if path is not None else None


TOOL = HttpOrchestrator
