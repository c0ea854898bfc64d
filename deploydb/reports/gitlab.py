"""GitLab: a commit status, and a deployment of an environment.

A deployment of GitLab holds nothing of ours. It is found again by its commit and environment while it is open. One that
has ended is of an earlier attempt, unless it is the newest of all there and has the wanted state: then an answer was
lost.

Source: https://docs.gitlab.com/api/commits/#set-commit-pipeline-status, https://docs.gitlab.com/api/deployments/
"""

from typing import Any
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from deploydb.domain.model.requests import Answer, Request
from deploydb.orchestrators.code_hosts import gitlab_request
from deploydb.orchestrators.conversation import (
    Conversation,
    Method,
    Trouble,
    ask,
    document,
    text_at,
    trouble_of,
    value_at,
)

from .report import REQUEST, Place, Report

_STATUSES = {"queued": "pending", "running": "running", "success": "success", "failure": "failed"}
_DEPLOYMENT_STATUSES = {"queued": "running", "running": "running", "success": "success", "failure": "failed"}
_OPEN = ("created", "running")
_SEARCHED = 100
"""The newest deployments in the environment, of all commits."""
_REPEATED = "Cannot transition status via"
"""How GitLab refuses a state that the commit status has, or has passed."""
_NO_COMMIT = "404 Commit Not Found"
"""Of a project that has no such commit; others are of the project, or of the token's rights."""


def send(report: Report, place: Place) -> Conversation[Answer]:
    """Report to GitLab. Raises: Trouble."""
    status = {
        "state": _STATUSES[report.state],
        "name": place.status,
        "target_url": report.page,
        "description": report.description,
    }
    request = _request(place, f"/statuses/{quote(report.commit, safe='')}", status)
    answer = yield from ask(request, 400, 404)
    if answer.status in (400, 404):
        message, trouble = text_at(document(answer), "message") or "", trouble_of(request, answer)
        if message == _NO_COMMIT:
            raise Trouble(str(trouble), refused=True)
        if _REPEATED not in message:
            raise trouble
    return (yield from _deployment(report, place))


def _deployment(report: Report, place: Place) -> Conversation[Answer]:
    wanted = _DEPLOYMENT_STATUSES[report.state]
    query = urlencode({"environment": place.lane, "order_by": "id", "sort": "desc", "per_page": _SEARCHED})
    answer = yield from ask(_request(place, f"/deployments?{query}"))
    found = document(answer)
    if found and _is_of(found[0], report) and text_at(found[0], "status") == wanted:
        return answer
    known = next((one for one in found if _is_of(one, report) and text_at(one, "status") in _OPEN), None)
    if known is not None and text_at(known, "status") == wanted:
        return answer
    if known is None:
        new = {
            "environment": place.lane,
            "sha": report.commit,
            "ref": report.commit,
            "tag": False,
            "status": wanted,
        }
        return (yield from ask(_request(place, "/deployments", new)))
    address = f"/deployments/{quote(text_at(known, 'id') or '', safe='')}"
    return (yield from ask(_request(place, address, {"status": wanted}, "PUT")))


def _is_of(deployment: Any, report: Report) -> bool:  # noqa: ANN401  # any JSON
    """Of the commit, and not made by a job of GitLab, which keeps its own up to date."""
    return text_at(deployment, "sha") == report.commit and value_at(deployment, "deployable") is None


def _request(place: Place, path: str, body: dict[str, Any] | None = None, method: Method | None = None) -> Request:
    return replace(gitlab_request(place.url, place.repository, place.token, path, body, method), timeout=REQUEST)
