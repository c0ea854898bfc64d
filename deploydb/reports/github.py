"""GitHub: a commit status, and a deployment with statuses. DeployDB's page in the payload finds the deployment again.

Source: https://docs.github.com/en/rest/commits/statuses, https://docs.github.com/en/rest/deployments
"""

from typing import Any
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from deploydb.domain.model.requests import Answer, Request
from deploydb.orchestrators.code_hosts import github_request
from deploydb.orchestrators.conversation import Conversation, Trouble, ask, document, text_at

from .report import REQUEST, Place, Report

_STATUSES = {"queued": "pending", "running": "pending", "success": "success", "failure": "failure"}
_DEPLOYMENT_STATUSES = {"queued": "queued", "running": "in_progress", "success": "success", "failure": "failure"}
_SEARCHED = 100
"""The newest deployments of the commit in the environment."""


def send(report: Report, place: Place) -> Conversation[Answer]:
    """Report to GitHub. Raises: Trouble."""
    status = {
        "state": _STATUSES[report.state],
        "context": place.status,
        "target_url": report.page,
        "description": report.description,
    }
    yield from ask(_request(place, f"/statuses/{quote(report.commit, safe='')}", status))
    known = yield from _find(report, place)
    ident = known or (yield from _create(report, place))
    state = {
        "state": _DEPLOYMENT_STATUSES[report.state],
        "environment": place.lane,
        "log_url": report.page,
        "description": report.description,
    }
    return (yield from ask(_request(place, f"/deployments/{quote(ident, safe='')}/statuses", state)))


def _find(report: Report, place: Place) -> Conversation[str | None]:
    query = urlencode({"sha": report.commit, "environment": place.lane, "per_page": _SEARCHED})
    found = document((yield from ask(_request(place, f"/deployments?{query}"))))
    mine = (one for one in found if text_at(one, "payload", "deploydb") == report.page)
    return next((text_at(one, "id") for one in mine), None)


def _create(report: Report, place: Place) -> Conversation[str]:
    """No status of the commit is required, and nothing is merged: DeployDB has decided already."""
    new = {
        "ref": report.commit,
        "environment": place.lane,
        "payload": {"deploydb": report.page},
        "description": report.description,
        "required_contexts": [],
        "auto_merge": False,
    }
    ident = text_at(document((yield from ask(_request(place, "/deployments", new)))), "id")
    if ident is None:
        raise Trouble("its answer names no deployment")
    return ident


def _request(place: Place, path: str, body: dict[str, Any] | None = None) -> Request:
    return replace(github_request(place.url, place.repository, place.token, path, body), timeout=REQUEST)
