"""A limit of our own on a PostgreSQL server that says nothing.

The server ends a statement after its timeout, and TCP's keepalives find a dead one. Neither helps where the server
hangs, or where a proxy in between acknowledges for one that is gone: then a client waits for ever.
"""

import time
from collections.abc import Callable, Generator
from typing import Any

import psycopg

MARGIN_SECONDS = 5.0
"""The server's own timeout comes first, and its answer may take a moment."""


class Impatient(psycopg.Connection[Any]):
    """A connection that is closed, with an OperationalError, where its server is silent for `silence_seconds`.

    Any byte that arrives counts as an answer: a long one may take its time.
    """

    silence_seconds = float("inf")

    def limit_silence(self, statement_timeout: float) -> None:
        """Wait for the server's own `statement_timeout` (seconds) and a margin from now on."""
        self.silence_seconds = statement_timeout + MARGIN_SECONDS

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401  # psycopg's own
        """As psycopg's, which every statement, commit and rollback waits in."""
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The same steps. psycopg sends what is ready, and several times a second that nothing is."""
        heard_at = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard_at = now
                elif now - heard_at > self.silence_seconds:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server has been silent for {now - heard_at:.0f} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value


def connecting(statement_timeout: float) -> Callable[..., Impatient]:
    """For SQLAlchemy's event `do_connect`: connections whose silence is limited."""

    def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Impatient:  # noqa: ANN401
        made = Impatient.connect(*arguments, **options)
        made.limit_silence(statement_timeout)
        return made

    return connect
