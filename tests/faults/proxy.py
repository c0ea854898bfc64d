"""A TCP proxy on loopback that can go silent, as a network does, or cut, as a crash does."""

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Passes bytes between clients of `port` and a server, until it is stopped."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._silent = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def go_silent(self) -> None:
        """Stop both directions, without a reset."""
        self._silent.set()

    def speak_again(self) -> None:
        """What waited passes, and all that follows."""
        self._silent.clear()

    def close(self) -> None:
        """Cut every connection and take no more."""
        self._ended.set()
        self._thread.join(5)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _events in self._selector.select(0.05):
                if self._silent.is_set():
                    self._ended.wait(0.05)
                elif key.data is None:
                    self._accept()
                else:
                    self._pass_on(key.fileobj, key.data)  # type: ignore[arg-type]
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self._target)
        except OSError:  # the server is away, and so are we
            client.close()
            return
        self._selector.register(client, selectors.EVENT_READ, server)
        self._selector.register(server, selectors.EVENT_READ, client)

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if chunk := source.recv(65536):
                sink.sendall(chunk)
                return
        for end in (source, sink):
            with contextlib.suppress(KeyError, ValueError):  # closed already, by the other end's event
                self._selector.unregister(end)
            end.close()
