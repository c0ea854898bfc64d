"""Health: `/healthcheck` for people, `/healthz` and `/readyz` for probes, `/metrics` for Prometheus."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from msgspec import Struct, json
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.disk import Unwritable
from deploydb.domain.errors import DeployDBError, Misconfigured
from deploydb.query.asking import Body
from deploydb.query.negotiation import JSON, media_type
from deploydb.redaction import redacted, secrets_in
from deploydb.store.aside import set_aside_services
from deploydb.store.engine import reading, require_room
from deploydb.store.schema import require_current

FRESH_SECONDS = 1.0
"""So long a look at the database counts: probes may come as often as they like."""
_NAMED = 20
"""How many services that are set aside are named."""
STUCK_SECONDS = 60.0
"""A look that has been under way for so long hangs in us: every limit of the database's connections is shorter."""
WAIT_SECONDS = 3.0
"""A database that has not answered by then is not healthy."""


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part's health; `message` says what is wrong."""

    healthy: bool
    message: str | None = None


class Health:
    """The checks, by name. They have a thread of their own, so that they answer while all others wait."""

    def __init__(
        self, engine: sa.Engine, problems: Callable[[], Sequence[object]], registry: CollectorRegistry
    ) -> None:
        self._engine = engine
        self._secrets = secrets_in([engine.url.render_as_string(hide_password=False)])
        self._problems = problems
        self._registry = registry
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
        self._looked_at = float("-inf")
        self._began_at: float | None = None
        self._seen: dict[str, Check] = {}
        self._aside: list[str] = []

    def routes(self) -> list[Route]:
        """Their paths. Probes send Accept headers of their own, which only `/healthcheck` minds."""
        return [
            Route("/healthcheck", self.healthcheck, methods=["GET"]),
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def healthcheck(self, request: Request) -> Response:
        """Each check by name; 500 where one is not healthy."""
        asked_for = media_type(request.headers.getlist("accept"))
        checks = {**await self._database(), "configuration": self._configuration()}
        return _answer(checks, 200 if all(check.healthy for check in checks.values()) else 500, asked_for)

    async def healthz(self, _request: Request) -> Response:
        """The process answers, and its looks at the database end."""
        began_at = self._began_at
        alive = began_at is None or time.monotonic() - began_at < STUCK_SECONDS
        return _answer({"alive": alive}, 200 if alive else 503)

    async def readyz(self, _request: Request) -> Response:
        """Questions can be answered. A broken configuration is no obstacle while the last good one is in use, nor are
        services that are set aside."""
        reasons = [f"{name}: {check.message}" for name, check in (await self._database()).items() if not check.healthy]
        warnings = [check.message] if (check := self._configuration()).message is not None else []
        warnings += self._aside
        told = {"ready": not reasons, "reasons": reasons, "warnings": warnings}
        return _answer(told, 503 if reasons else 200)

    async def metrics(self, request: Request) -> Response:
        """In the format that is asked for, Prometheus' own by default."""
        encoder, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encoder(self._registry), headers={"Content-Type": content_type})

    def _configuration(self) -> Check:
        problems = [str(problem) for problem in self._problems()]
        if not problems:
            return Check(healthy=True)
        told = "; ".join(problems[:5]) + ("; …" if len(problems) > 5 else "")
        return Check(healthy=False, message=f"broken, the last good one is in use: {told}")

    async def _database(self) -> dict[str, Check]:
        if time.monotonic() - self._looked_at < FRESH_SECONDS:
            return self._seen
        looking = asyncio.get_running_loop().run_in_executor(self._threads, self._look)
        try:
            return await asyncio.wait_for(looking, WAIT_SECONDS)
        except TimeoutError:
            slow = Check(healthy=False, message=f"no answer within {WAIT_SECONDS:.0f} s")
            return {"database": slow, "migrations": slow}

    def _look(self) -> dict[str, Check]:
        if time.monotonic() - self._looked_at >= FRESH_SECONDS:  # another may have looked while this one queued
            self._began_at = time.monotonic()
            try:
                self._seen = {"database": self._checked(self._answers), "migrations": self._checked(self._migrated)}
                self._looked_at = time.monotonic()
            finally:
                self._began_at = None
        return self._seen

    def _answers(self) -> None:
        with reading(self._engine) as connection:
            connection.execute(sa.select(1))
        require_room(self._engine)

    def _migrated(self) -> None:
        require_current(self._engine)
        with reading(self._engine) as connection:
            self._aside = [aside.brief for aside in set_aside_services(connection)[:_NAMED]]

    def _checked(self, check: Callable[[], None]) -> Check:
        try:
            check()
        except (Misconfigured, Unwritable) as error:
            return Check(healthy=False, message=redacted(str(error), self._secrets))
        except DeployDBError:
            # its words may name hosts and users; they are in the log
            return Check(healthy=False, message="the database is away or busy")
        return Check(healthy=True)


def _answer(body: Body | dict[str, Check], status: int, asked_for: str = JSON) -> Response:
    return Response(json.encode(body), status_code=status, media_type=asked_for)
