"""One report of a deployment, and the place at the code host that it is for."""

import re
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.commands import Notification
from deploydb.domain.model.webhooks import Endpoint
from deploydb.domain.notification_words import headline
from deploydb.domain.templates import plain
from deploydb.domain.unsafe_characters import in_one_line

State = Literal["queued", "running", "success", "failure"]

REQUEST = timedelta(seconds=10)
"""The time of a request."""
_LONGEST_DESCRIPTION = 140
"""Of GitHub; GitLab has 255."""
_STATES: dict[str, State] = {
    "deployment.requested": "queued",
    "deployment.started": "running",
    "deployment.succeeded": "success",
    "deployment.failed": "failure",
}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""The whole id of a commit, SHA-1 or SHA-256: a tag, a branch or a short id may be another commit by now."""
PLACES = ("service", "environment")
"""What may stand in braces in the name of a repository."""


class Report(Struct, frozen=True, kw_only=True):
    """The state that a deployment of a commit has reached. `page`: the deployment's own, by which it is found again.
    `module`: the artifact's name, where its service has several."""

    commit: str
    service: str
    environment: str
    state: State
    description: str
    page: str
    module: str = ""


class Place(Struct, frozen=True, kw_only=True):
    """Where a report goes. `lane`: the environment there. `status`: the name of the commit status."""

    url: str
    repository: str
    token: str
    lane: str

    @property
    def status(self) -> str:
        return f"deploydb/{self.lane}"


def is_reported(notification: Notification) -> bool:
    """Whether there is something to report: not of what DeployDB has only observed."""
    return notification.deployment is not None and notification.kind != "external"


def report_of(notification: Notification, page: str, modules: Collection[str]) -> Report | None:
    """The report of a notification about a deployment. `modules`: of its service. None where its release names no whole
    commit."""
    artifact = notification.artifact
    commit = (artifact.commit or "").lower() if artifact is not None else ""  # as code hosts list them
    if artifact is None or not _COMMIT.fullmatch(commit):
        return None
    state = _state(notification)
    shown = replace(notification, type="deployment.failed") if state == "failure" else notification
    reason = f": {notification.reason}" if notification.reason else ""
    return Report(
        commit=commit,
        service=notification.service or "",
        environment=notification.environment or "",
        state=state,
        description=in_one_line(f"{headline(shown)}{reason}")[:_LONGEST_DESCRIPTION],
        page=page,
        module=artifact.name if len(modules) > 1 else "",
    )


def encode_report(report: Report) -> str:
    """The report as JSON."""
    return msgspec.json.encode(report).decode()


def decode_report(body: str) -> Report:
    """The report that `encode_report` has written."""
    return msgspec.json.decode(body, type=Report)


def is_overtaken(body: str, later: Iterable[str]) -> bool:
    """Whether one of the later reports is of the same commit in the same lane: of this attempt, or of another one."""

    def about(encoded: str) -> tuple[str, ...]:
        report = decode_report(encoded)
        return report.commit, report.service, report.module, report.environment

    return about(body) in map(about, later)


def place_of(endpoint: Endpoint, report: Report, url: str, token: str) -> Place:
    """The place of a report. Where a repository may have several services, the service is in the lane's name; the
    module, where the service has several."""
    names = {"service": report.service, "environment": report.environment}
    repository = plain(endpoint.repository, PLACES).fill_with(names)
    service = "" if "{service}" in endpoint.repository else report.service
    lane = "/".join(filter(None, (service, report.module, report.environment)))
    return Place(url=url, repository=repository, token=token, lane=lane)


def _state(notification: Notification) -> State:
    if notification.type == "deployment.finished":  # its promotions are asked next, or another attempt is made
        return "running" if notification.outcome == "succeeded" else "failure"
    return _STATES[notification.type]
