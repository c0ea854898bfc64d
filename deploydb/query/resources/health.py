"""Health: for people, load balancers and Prometheus."""

from collections.abc import Callable

import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.configuration import LiveCatalog
from deploydb.domain.errors import DeployDBError
from deploydb.query.conventions import answer
from deploydb.store.schema import require_current

Check = dict[str, object]


class Health:
    """Checks by name. The service is ready where all of them are healthy."""

    def __init__(self, engine: sa.Engine, live: LiveCatalog, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._live = live
        self._registry = registry

    def routes(self) -> list[Route]:
        """Their paths."""
        return [
            Route("/healthcheck", self.healthcheck),
            Route("/healthz", self.alive),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
        ]

    def healthcheck(self, request: Request) -> Response:
        """Each check by name; 500 where one is not healthy."""
        checks = {"database": self._checked(self._database), "configuration": self._checked(self._configuration)}
        healthy = all(check["healthy"] for check in checks.values())
        return answer(request, checks, status=200 if healthy else 500)

    def alive(self, request: Request) -> Response:
        """The process answers."""
        return answer(request, {"alive": True})

    def ready(self, request: Request) -> Response:
        """Questions can be answered: a broken configuration does not matter while a good one is in use."""
        check = self._checked(self._database)
        return answer(request, {"database": check}, status=200 if check["healthy"] else 503)

    def metrics(self, _request: Request) -> Response:
        """For Prometheus."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _checked(self, check: Callable[[], str | None]) -> Check:
        try:
            problem = check()
        except DeployDBError as error:
            problem = str(error)
        return {"healthy": True} if problem is None else {"healthy": False, "message": problem}

    def _database(self) -> str | None:
        require_current(self._engine)
        return None

    def _configuration(self) -> str | None:
        problems = self._live.problems
        return "; ".join(str(problem) for problem in problems) if problems else None
