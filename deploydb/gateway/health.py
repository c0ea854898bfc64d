"""Health: `/healthz` and `/readyz` for probes, `/metrics` for Prometheus."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor

import msgspec
import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.errors import Misconfigured, Transient
from deploydb.gateway.publishing import Publisher
from deploydb.gateway.refusals import JSON
from deploydb.redaction import redacted
from deploydb.store.engine import require_room
from deploydb.store.schema import require_current

FRESH_SECONDS = 1.0
"""So long a look counts: probes may come as often as they like."""
STUCK_SECONDS = 60.0
"""A look that has been under way for so long hangs in us: every limit of the database's connections is shorter."""
_LOOK_WITHIN_SECONDS = 3.0


class Health:
    """The answers to probes."""

    def __init__(
        self,
        engine: sa.Engine,
        publisher: Publisher,
        *,
        threads: Executor,
        registry: CollectorRegistry,
        secrets: Sequence[str] = (),
    ) -> None:
        self._secrets = secrets
        self._engine = engine
        self._publisher = publisher
        self._threads = threads
        self._registry = registry
        self._looked_at = float("-inf")
        self._reasons: list[str] = []
        self._began_at: float | None = None

    def routes(self) -> list[Route]:
        """Their paths."""
        return [
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def healthz(self, _request: Request) -> Response:
        """The process answers, and its looks at the database end."""
        began_at = self._began_at
        alive = began_at is None or time.monotonic() - began_at < STUCK_SECONDS
        return _answer({"alive": alive}, 200 if alive else 503)

    async def readyz(self, _request: Request) -> Response:
        """What people say can be published and read."""
        if time.monotonic() - self._looked_at >= FRESH_SECONDS:
            looks = await asyncio.gather(
                self._reason("database", self._database), self._reason("broker", self._publisher.look)
            )
            self._reasons = [reason for reason in looks if reason is not None]
            self._looked_at = time.monotonic()
        return _answer({"ready": not self._reasons, "reasons": self._reasons}, 503 if self._reasons else 200)

    async def metrics(self, request: Request) -> Response:
        """In the format that is asked for, Prometheus' own by default."""
        encoder, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encoder(self._registry), headers={"Content-Type": content_type})

    async def once_answered(self) -> None:
        """Return once database and broker have answered for the first time.

        Raises: Misconfigured where one of them is not as it must be: it refuses the login, or has nothing of ours.
        """
        await asyncio.gather(*(_patiently(look) for look in (self._database, self._publisher.look)))

    async def _database(self) -> None:
        looking = asyncio.get_running_loop().run_in_executor(self._threads, self._look)
        try:
            await asyncio.wait_for(looking, _LOOK_WITHIN_SECONDS)
        except TimeoutError as error:
            raise Transient(f"no answer within {_LOOK_WITHIN_SECONDS:.0f} s") from error

    def _look(self) -> None:
        if self._began_at is None:
            self._began_at = time.monotonic()
        try:
            require_current(self._engine)
            require_room(self._engine)
        finally:
            self._began_at = None

    async def _reason(self, source: str, look: Callable[[], Awaitable[None]]) -> str | None:
        try:
            await look()
        except (Transient, Misconfigured) as error:
            return f"{source}: {redacted(str(error), self._secrets)}"
        return None


async def _patiently(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await look()
        except Transient:
            await asyncio.sleep(FRESH_SECONDS)


def _answer(told: object, status: int) -> Response:
    return Response(msgspec.json.encode(told), status_code=status, media_type=JSON)
