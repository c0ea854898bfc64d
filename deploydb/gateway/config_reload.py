"""`POST /tasks/configReload`: the configuration is read again, as clients of later releases of v1 have it."""

import asyncio
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploydb.gateway.ledger import Ledger
from deploydb.gateway.v1_access import Writers
from deploydb.store.configurations import digest_in_force

PATH = "/tasks/configReload"
WITHIN_SECONDS = 10.0
"""How long the answer waits until promotion uses the configuration."""


class ConfigReload:
    """`reload` reads the files, and gives their problems."""

    def __init__(
        self,
        ledger: Ledger,
        reload: Callable[[], Sequence[object]],
        writers: Writers,
        trusts: Callable[[str | None], bool],
    ) -> None:
        self._ledger = ledger
        self._reload = reload
        self._writers = writers
        self._trusts = trusts

    def route(self) -> Route:
        return Route(PATH, self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """`Done!` once the configuration is in force.

        Raises: HTTPException 401 or 403 for who may not write by v1, 500 with the problems of the files, 503 where
        it is not in force in time.
        """
        self._writers.source(request, self._trusts)
        problems = await asyncio.to_thread(self._reload)
        if problems:
            listed = "; ".join(map(str, problems[:5]))
            raise HTTPException(500, f"the configuration is broken, the last good one is in use: {listed}")
        if not await self._ledger.await_found(self._is_in_force, bool, WITHIN_SECONDS):
            problem = "the configuration is read, and not in force yet: promote takes it soon; ask again"
            raise HTTPException(503, problem, {"Retry-After": "1"})
        return PlainTextResponse("Done!")

    def _is_in_force(self, connection: sa.Connection) -> bool:
        return digest_in_force(connection) == self._ledger.catalog().digest
