"""`/api/stream`: what is added to the log, as it is added, as server-sent events (HTML standard, 9.2).

One watcher looks for all who listen, and only while somebody does. It looks at the state's revision, and at the log
where that has changed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.model.errors import DeployDBError
from deploydb.domain.unsafe_characters import encoded_visibly
from deploydb.http.errors import bad_request, failed
from deploydb.query.answer_limits import Lasting, Places
from deploydb.query.bodies import ReasonBody, body_of
from deploydb.query.revisions import Revision, Revisions
from deploydb.store.engine import reading
from deploydb.store.queries.changes import MOST, SEEN_AGAIN, ChangeView, changes, highest_number, numbers_above
from deploydb.telemetry import Log

LOOK_SECONDS = 0.25
ALIVE_SECONDS = 15.0
"""After so long a silence a comment is sent, so that no proxy takes the connection for dead."""
MOST_LISTENERS = 200
MOST_LISTENERS_EACH = 50
_BEHIND = 100
"""So many messages may wait for a listener; one that is further behind is let go, and asks again from where it was."""


class ChangeBody(Struct, frozen=True, kw_only=True):
    """A row of the log in short."""

    number: int
    type: str
    time: str
    source: str
    service: str | None
    environment: str | None
    version: str | None
    reason: ReasonBody | None
    who: str | None


class Changes(Struct, frozen=True, kw_only=True):
    """One message: rows of the log that were not there before, and whom they are about. Empty: look for yourself."""

    revision: int
    services: list[str] = []
    environments: list[str] = []
    changes: list[ChangeBody] = []


class _Listener:
    def __init__(self, service: str | None, environment: str | None) -> None:
        self.service = service
        self.environment = environment
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_BEHIND)

    def tell(self, found: Sequence[ChangeView], revision: int) -> None:
        """What of it concerns the listener. What is about no service in particular concerns all."""
        mine = [
            one
            for one in found
            if self.service in (None, one.service or self.service)
            and self.environment in (None, one.environment or self.environment)
        ]
        if mine:
            self._put(_message(mine, revision))

    def end(self) -> None:
        self._put(None)

    def _put(self, message: bytes | None) -> None:
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            while not self.waiting.empty():
                self.waiting.get_nowait()
            self.waiting.put_nowait(None)


class Stream:
    """Everybody who listens to one service."""

    def __init__(self, engine: sa.Engine, revisions: Revisions, threads: Executor, log: Log) -> None:
        self._engine = engine
        self._revisions = revisions
        self._threads = threads
        self._log = log
        self._places = Places("listeners", most=MOST_LISTENERS, most_each=MOST_LISTENERS_EACH)
        self._listeners: set[_Listener] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._ended = False

    def route(self) -> Route:
        return Route("/api/stream", self.listen, methods=["GET"])

    def end(self) -> None:
        """Let everybody go: the service stops."""
        self._ended = True
        for listener in self._listeners:
            listener.end()

    async def listen(self, request: Request) -> Response:
        """A stream of `change` events; `?service=` and `?environment=` narrow it. `Last-Event-ID` goes on from there.

        The first one is empty: a client that has read the state before reads it again, and misses nothing.
        """
        if self._ended:
            return failed(503, "the service stops: try again later", {"Retry-After": "5"})
        last = request.headers.get("last-event-id", "")
        if last and not (last.isascii() and last.isdecimal() and len(last) < 19):
            raise bad_request("Last-Event-ID is not the id of an event of this stream: ids are integers")
        listener = _Listener(request.query_params.get("service"), request.query_params.get("environment"))
        free = self._places.take(request)
        self._listeners.add(listener)

        def end() -> None:
            self._listeners.discard(listener)
            free()

        try:
            if self._watcher is None or self._watcher.done():
                self._looked.clear()
                self._watcher = asyncio.create_task(self._watch())
            await self._looked.wait()  # later changes are sent
            revision = await self._revisions.current()
            missed = await self._in_thread(lambda: self._missed(int(last))) if last else []
        except BaseException:
            end()
            raise
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        may_read = getattr(request.state, "may_read", lambda: True)
        events = self._events(listener, missed, revision[0], may_read)
        return Lasting(events, free=end, media_type="text/event-stream", headers=headers)

    async def _events(
        self, listener: _Listener, missed: Sequence[ChangeView], revision: int, may_read: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n" + _message(missed, revision)
        while True:
            message: bytes | None = b": alive\n\n"
            with suppress(TimeoutError):
                message = await asyncio.wait_for(listener.waiting.get(), ALIVE_SECONDS)
            if message is None or not may_read():  # a token may be revoked and a session expire meanwhile
                return
            yield message

    async def _watch(self) -> None:
        """Look for as long as anybody listens."""
        seen: set[int] = set()
        before: Revision | None = None
        while self._listeners and not self._ended:
            try:
                revision = await self._revisions.current()
                if revision != before:
                    found = await self._in_thread(lambda: self._new(seen))
                    for listener in list(self._listeners) if self._looked.is_set() else ():
                        listener.tell(found, revision[0])
                    before = revision
            except DeployDBError as error:
                self._log.warning("the log cannot be followed", reason=str(error))
            self._looked.set()
            await asyncio.sleep(LOOK_SECONDS)

    def _new(self, seen: set[int]) -> list[ChangeView]:
        """The rows that were not there at the last look, which `seen` remembers."""
        with reading(self._engine) as connection:
            highest = max(seen, default=None)
            if highest is None:
                highest = highest_number(connection)
            numbers = numbers_above(connection, highest - SEEN_AGAIN)
            found = changes(connection, [each for each in numbers if each not in seen][-MOST:])
        seen.update(numbers)
        oldest = max(seen, default=0) - 2 * SEEN_AGAIN
        seen.difference_update([each for each in seen if each < oldest])
        return found

    def _missed(self, last: int) -> list[ChangeView]:
        with reading(self._engine) as connection:
            return changes(connection, numbers_above(connection, last)[:MOST])

    async def _in_thread(self, look: Callable[[], list[ChangeView]]) -> list[ChangeView]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, look)


def _message(found: Sequence[ChangeView], revision: int) -> bytes:
    body = Changes(
        revision=revision,
        services=sorted({one.service for one in found if one.service is not None}),
        environments=sorted({one.environment for one in found if one.environment is not None}),
        changes=[body_of(ChangeBody, one) for one in found],
    )
    ident = f"id: {found[-1].number}\n".encode() if found else b""
    return ident + b"event: change\ndata: " + encoded_visibly(msgspec.json.encode(body)) + b"\n\n"
