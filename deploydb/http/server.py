"""The server: uvicorn with bounded clients, the signals of its process, and a loop beside it."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from deploydb.http.connections import Connection, Connections, Limits
from deploydb.http.listening import WAITING_CONNECTIONS
from deploydb.telemetry import Log

END_WITHIN_SECONDS = 6
"""How long answers that are under way may take once the service is asked to stop."""
_TICKS_OF_A_SECOND = 10
"""uvicorn's."""
_REPORT_SECONDS = 60.0
"""At most so often the log has how many connections were ended."""

Beside = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""What runs as long as the service does. The event is set by SIGHUP; who has seen it clears it."""


class Server(uvicorn.Server):
    """uvicorn, but that a stop it was asked for is a success: its own re-raises the signal that it has answered.

    `once_stopping` is called when it is asked to stop: answers that have no end are ended then. `at_signal` is called
    by the signal's handler itself, although the loop may hang: it may set a flag and no more. `is_proxy` names the
    addresses that many clients share.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        once_listening: Callable[[], None] | None = None,
        once_stopping: Callable[[], None] | None = None,
        at_signal: Callable[[], None] | None = None,
        is_proxy: Callable[[str], bool],
        limits: Limits | None = None,
        log: Log,
    ) -> None:
        configuration = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # not each request that is no HTTP
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=WAITING_CONNECTIONS,
            timeout_graceful_shutdown=END_WITHIN_SECONDS,
        )
        super().__init__(configuration)
        self._connections = Connections(limits or Limits.of_this_process(), is_proxy)
        self.server_state = self._connections
        self._log = log
        self._reported_at = float("-inf")
        self._once_listening = once_listening
        self._once_stopping = once_stopping
        self._at_signal = at_signal

    def run_until_stopped(self, bound: socket.socket, *, beside: Beside) -> None:
        """Serve on the socket until SIGTERM or SIGINT; a second one does not wait for answers under way."""
        with asyncio.Runner(loop_factory=self.config.get_loop_factory()) as runner:
            runner.run(self._serve_beside(bound, beside))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the loop's handler is gone; what is left takes no time

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and then say so."""
        await super().startup(sockets)
        if self.started and self._once_listening is not None:
            self._once_listening()

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn's, ten times a second; and end the connections that take too long."""
        if counter % _TICKS_OF_A_SECOND == 0:
            now = asyncio.get_running_loop().time()
            self._connections.sweep(now)
            if self._connections.ended and now - self._reported_at >= _REPORT_SECONDS:
                self._log.warning("connections ended", reasons=dict(self._connections.ended))
                self._connections.ended.clear()
                self._reported_at = now
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not uvicorn's."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
            if (at_signal := self._at_signal) is not None:
                # in the place of asyncio's own, which does nothing: the loop is woken beside it
                signal.signal(number, lambda *_: at_signal())
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        if self._once_stopping is not None:
            self._once_stopping()

    async def _serve_beside(self, bound: socket.socket, beside: Beside) -> None:
        hung_up = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up.set)
        task = asyncio.create_task(beside(hung_up))
        task.add_done_callback(self._beside_ended)
        try:
            await self.serve(sockets=[bound])
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _beside_ended(self, task: asyncio.Task[None]) -> None:
        """What runs beside is not meant to end: then the service ends too, with its error."""
        if not task.cancelled():
            self.should_exit = True


class BackgroundServer(Server):
    """A server beside the main thread, which keeps the signals. It ends once `should_exit` is set."""

    def run_on(self, bound: socket.socket) -> None:
        """Serve on the socket, in this thread."""
        with asyncio.Runner(loop_factory=self.config.get_loop_factory()) as runner:
            runner.run(self.serve(sockets=[bound]))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield
