"""The gateway's looks at its database and its broker."""

import asyncio
from collections.abc import Callable
from functools import partial

import sqlalchemy as sa

from deploydb.domain.model.errors import Transient
from deploydb.gateway.publishing import Publisher
from deploydb.http.health import FRESH_SECONDS, Health
from deploydb.store.engine import require_room
from deploydb.store.schema import require_current


class Servers:
    """Both, as probes look at them, and as the start waits for them."""

    def __init__(self, engine: sa.Engine, publisher: Publisher, health: Health) -> None:
        self._looks: dict[str, Callable[[], None]] = {
            "database": partial(_look_at_database, engine),
            "broker": publisher.look,
        }
        for source, look in self._looks.items():
            health.check(source, look)

    async def once_answered(self) -> None:
        """Return once database and broker have answered for the first time.

        Raises: Misconfigured where one of them is not as it must be: it refuses the login, or has nothing of ours.
        """
        for look in self._looks.values():
            while True:
                try:
                    await asyncio.to_thread(look)
                    break
                except Transient:
                    await asyncio.sleep(FRESH_SECONDS)


def _look_at_database(engine: sa.Engine) -> None:
    require_current(engine)
    require_room(engine)
