"""The places of releases that wait in line: worked out for each answer, and kept nowhere."""

from collections.abc import Iterable

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.evaluation.line import Waiting, place_in_line
from deploydb.domain.model.admission_reasons import InLine
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.reasons import Reason
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.queries.lanes import PendingView, pending_in


class Line:
    """The lines of the lanes that are asked for."""

    def __init__(self, connection: sa.Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog
        self._lanes: dict[tuple[str, str], list[PendingView]] = {}

    def placed(self, service: str, environment: str, deployment: int, reason: Reason | None) -> Reason | None:
        """The reason of a deployment, with its place where it waits in line."""
        if not isinstance(reason, InLine):
            return reason
        if (service, environment) not in self._lanes:
            self._lanes[service, environment] = pending_in(self._connection, service, environment)
        lane = self._lanes[service, environment]
        modules = {one.release.artifact.module for one in lane if one.deployment == deployment}
        return placed(
            (one for one in lane if one.release.artifact.module in modules), deployment, self._catalog, reason
        )

    def views(self, views: Iterable[DeploymentView]) -> list[DeploymentView]:
        """The views of deployments, with their places."""
        return [
            replace(one, status_reason=self.placed(one.service, one.environment, one.id, one.status_reason))
            if isinstance(one.status_reason, InLine)
            else one
            for one in views
        ]


def placed(lane: Iterable[PendingView], deployment: int, catalog: Catalog, reason: Reason | None) -> Reason | None:
    """The same, of what is open of its module in its lane."""
    waiting = [one for one in lane if one.status == "NOT_STARTED" and one.kind == "deploy"]
    line = [
        Waiting(deployment=one.deployment, release=one.release, reason=one.reason, ordered=one.goes_ahead)
        for one in waiting
    ]
    order = catalog.order_of(waiting[0].service) if waiting else "published"
    return place_in_line(line, deployment, order) or reason
