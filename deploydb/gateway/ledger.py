"""The catalog and the database that requests are checked against, and the wait for what they have led to."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.store.engine import reading
from deploydb.telemetry import Log

LOOK_SECONDS = 0.05
T = TypeVar("T")


class Ledger(Struct, frozen=True, kw_only=True, eq=False):
    """The catalog and the log to check requests against; `threads` wait for the database."""

    engine: sa.Engine
    catalog: Callable[[], Catalog]
    threads: Executor
    clock: Callable[[], datetime]
    log: Log

    async def in_thread(self, work: Callable[[], T]) -> T:
        """The result of work that waits for the database."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def await_found(
        self, look: Callable[[sa.Connection], T], enough: Callable[[T], bool], seconds: float, **about: object
    ) -> T | None:
        """What a look into the database finds once it is enough, or when the time is over; None where the database
        cannot be asked. `about`: for the log."""

        def found() -> T:
            with reading(self.engine) as connection:
                return look(connection)

        until = time.monotonic() + seconds
        while True:
            last: T | None = None
            try:
                last = await self.in_thread(found)
                if enough(last):
                    return last
            except (Transient, Misconfigured) as error:
                self.log.warning("the database cannot be asked", reason=str(error), **about)
            if time.monotonic() >= until:
                return last
            await asyncio.sleep(LOOK_SECONDS)
