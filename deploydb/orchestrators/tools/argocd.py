"""Argo CD: revision or images of an application, and a sync → its operation → health.

The sync has the command's id in its `infos`, which Argo CD keeps with the operation: by it the sync is found again. The
health is asked for with a refresh: without one it may be that of before the sync.

Source: https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

import json
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from msgspec import Meta

from deploydb.domain.model.requests import Request
from deploydb.orchestrators.conversation import (
    Conversation,
    Method,
    Trouble,
    ask,
    document,
    json_request,
    text_at,
    value_at,
)
from deploydb.orchestrators.orchestrator import IN_PLACES, Checks, Orchestrator, check_address, check_text
from deploydb.orchestrators.run import Finished, Run, Running
from deploydb.orchestrators.task import CONFIGURED, Task

_INFO = "deploydb-command"
_BUSY = 9
"""FAILED_PRECONDITION of gRPC: another operation is in progress."""


class ArgoCDOrchestrator(Orchestrator, frozen=True, kw_only=True):
    """An application of Argo CD that is not synced automatically."""

    kind: ClassVar[str] = "argocd"

    url: Annotated[str, Meta(description="The address of Argo CD.", max_length=8192)]
    application: Annotated[
        str,
        Meta(description="The application. Places: {service}, {environment}, {type}.", min_length=1, max_length=512),
    ]
    revision: Annotated[
        Annotated[str, Meta(max_length=512)] | None,
        Meta(description=f"The commit, tag or branch that it is set to, or the version of its chart. {IN_PLACES}"),
    ] = None
    images: Annotated[
        tuple[str, ...], Meta(description=f"The images that Kustomize is given, name=image:tag. {IN_PLACES}")
    ] = ()
    prune: Annotated[bool, Meta(description="Whether a sync removes what is no longer described.")] = False

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_address(checks, ("url",), self.url)
        check_text(checks, ("application",), self.application, CONFIGURED)
        check_text(checks, ("revision",), self.revision or "")
        for index, image in enumerate(self.images):
            check_text(checks, ("images", index), image)
        if self.revision is None and not self.images:
            checks.problem((), "revision or images is missing: they say what a version is for Argo CD")
        if self.token_from is None:
            checks.problem((), "token_from is missing: Argo CD syncs nothing without a token")

    def find(self, task: Task) -> Conversation[Run | None]:
        application = document((yield from ask(self._request(task))))
        ours = _is_ours(value_at(application, "operation"), task) or _is_ours(_last(application), task)
        return self._run(task) if ours else None

    def start(self, task: Task) -> Conversation[Run]:
        source: dict[str, Any] = {}
        if self.revision is not None:
            source["targetRevision"] = task.text(self.revision)
        if self.images:
            source["kustomize"] = {"images": [task.text(image) for image in self.images]}
        patch = {"patch": json.dumps({"spec": {"source": source}}), "patchType": "merge"}
        yield from ask(self._request(task, method="PATCH", body=patch))
        body: dict[str, Any] = {"prune": self.prune, "infos": [{"name": _INFO, "value": task.id}]}
        answer = yield from ask(self._request(task, "/sync", body=body), 400)
        if answer.status == 400:
            refusal = document(answer)
            message = text_at(refusal, "message") or text_at(refusal, "error")
            raise Trouble(f"the sync answered 400: {message}", refused=value_at(refusal, "code") != _BUSY)
        return self._run(task)

    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        application = document((yield from ask(self._request(task, "?refresh=normal"))))
        if _is_ours(value_at(application, "operation"), task):
            return Running(run=run)
        if not _is_ours(_last(application), task):
            return Finished(run=run, outcome="failed", reason="another sync has taken the place of this one")
        state = value_at(application, "status", "operationState")
        phase = text_at(state, "phase")
        if phase in ("Failed", "Error"):
            reason = f"the sync has ended with {phase}: {text_at(state, 'message')}"
            return Finished(run=run, outcome="failed", reason=reason)
        health = text_at(application, "status", "health", "status")
        if phase != "Succeeded" or health not in ("Healthy", "Degraded"):
            return Running(run=run)
        if health == "Healthy":
            return Finished(run=run, outcome="succeeded")
        message = text_at(application, "status", "health", "message")
        return Finished(
            run=run, outcome="failed", reason="the application is Degraded" + (f": {message}" if message else "")
        )

    def _run(self, task: Task) -> Run:
        name = quote(task.text(self.application), safe="")
        return Run(id=task.id, url=f"{self.url.rstrip('/')}/applications/{name}")

    def _request(
        self,
        task: Task,
        path: str = "",
        *,
        method: Method | None = None,
        body: dict[str, Any] | None = None,
    ) -> Request:
        address = f"{self.url.rstrip('/')}/api/v1/applications/{quote(task.text(self.application), safe='')}{path}"
        return json_request(address, ("Authorization", f"Bearer {task.token}"), body=body, method=method)


def _last(application: Any) -> Any:  # noqa: ANN401  # any JSON
    """The operation that runs, or that has ended last."""
    return value_at(application, "status", "operationState", "operation")


def _is_ours(operation: Any, task: Task) -> bool:  # noqa: ANN401  # any JSON
    infos = value_at(operation, "info") or ()
    return any(text_at(info, "name") == _INFO and text_at(info, "value") == task.id for info in infos)


TOOL = ArgoCDOrchestrator
