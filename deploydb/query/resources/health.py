"""Health of the query service: its looks at the database and the configuration, and `/healthcheck` of v1."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from msgspec import Struct, json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.disk_space import Unwritable
from deploydb.domain.model.errors import DeployDBError, Misconfigured, Transient
from deploydb.http.health import Health
from deploydb.http.negotiation import media_type
from deploydb.store.engine import reading, require_room
from deploydb.store.schema import SchemaBehind, require_current
from deploydb.store.set_aside import set_aside_services

_NAMED = 20
"""How many services that are set aside are named."""


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part's health; `message` says what is wrong."""

    healthy: bool
    message: str | None = None


class HealthCheck:
    """Each part's health by name. A broken configuration does not stand against readiness while the last good one is
    in use, nor do services that are set aside."""

    def __init__(self, health: Health, engine: sa.Engine, problems: Callable[[], Sequence[object]]) -> None:
        self._health = health
        self._engine = engine
        self._problems = problems
        health.check("database", lambda: _reported(self._answers))
        health.check("migrations", lambda: _reported(self._migrated))
        health.check("configuration", self._configured)

    def route(self) -> Route:
        return Route("/healthcheck", self._answer, methods=["GET"])

    def _answer(self, request: Request) -> Response:
        """Each check by name; 500 where one is not healthy."""
        asked_for = media_type(request.headers.getlist("accept"))
        looked = self._health.looked() | {"configuration": self._broken()}
        checks = {
            name: Check(healthy=looked[name] is None, message=looked[name])
            for name in ("database", "migrations", "configuration")
        }
        healthy = all(check.healthy for check in checks.values())
        return Response(json.encode(checks), status_code=200 if healthy else 500, media_type=asked_for)

    def _answers(self) -> None:
        with reading(self._engine) as connection:
            connection.execute(sa.select(1))
        require_room(self._engine)

    def _migrated(self) -> None:
        require_current(self._engine)
        with reading(self._engine) as connection:
            aside = [aside.brief for aside in set_aside_services(connection)[:_NAMED]]
        self._health.report("evaluation", warnings=aside)

    def _configured(self) -> None:
        broken = self._broken()
        self._health.report("configuration", warnings=() if broken is None else (broken,))

    def _broken(self) -> str | None:
        problems = [str(problem) for problem in self._problems()]
        if not problems:
            return None
        return f"broken, the last good one is in use: {'; '.join(problems[:5])}{'; …' if len(problems) > 5 else ''}"


def _reported(look: Callable[[], None]) -> None:
    try:
        look()
    except (Misconfigured, SchemaBehind, Unwritable):
        raise
    except DeployDBError as error:
        # its words may name hosts and users; they are in the log
        raise Transient("the database is away or busy") from error
