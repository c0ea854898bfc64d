"""Which revision of the state answers are made from."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import sqlalchemy as sa

from deploydb.store.engine import translate_errors
from deploydb.store.revision import read_revision

Revision = tuple[int, int]


class Revisions:
    """Reads the state's revision, once for all requests that came while the read before was under way.

    A read that has begun may have looked before a request came: it joins the next one. So no answer is older than its
    question, and a thousand questions at a time cost a read or two.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT", deploydb_reading=True)
        self._clock = clock
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="revision")
        self._reading: asyncio.Task[Revision] | None = None
        self._next: asyncio.Task[Revision] | None = None

    async def current(self) -> Revision:
        """The revision as it was when this was called, or after. Raises: Transient, Misconfigured."""
        if self._next is None or self._next.get_loop() is not asyncio.get_running_loop():
            self._next = asyncio.create_task(self._read_after(self._reading))
        return await asyncio.shield(self._next)

    async def _read_after(self, before: "asyncio.Task[Revision] | None") -> Revision:
        if before is not None and before.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([before])
        self._reading, self._next = self._next, None
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read)

    def _read(self) -> Revision:
        with translate_errors(), self._engine.connect() as connection:
            return read_revision(connection, self._clock())
