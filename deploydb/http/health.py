"""Health: `/healthz` and `/readyz` for probes; the looks of a process at its parts, and the reports of its sources."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.model.errors import DeployDBError
from deploydb.http.negotiation import JSON
from deploydb.redaction import redacted

ANSWER_WITHIN_SECONDS = 3.0
"""A part that has not answered by then is not well."""
FRESH_SECONDS = 1.0
"""So long a look counts: probes may come as often as they like."""
STUCK_SECONDS = 60.0
"""A look that has been under way for so long hangs in us: every limit of the servers' connections is shorter."""

_PROBLEMS = (DeployDBError, OSError)
"""What a look says by raising. Any other error is a defect of the look."""


class Ready(Struct, frozen=True, kw_only=True):
    """The answer of `/readyz`. `warnings` do not stand in the way of work."""

    ready: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _Check:
    """A look at one part, in a thread of its own, so that it is taken while all others wait."""

    def __init__(self, name: str, look: Callable[[], None]) -> None:
        self._name = name
        self._look = look
        self._is_defective = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"look at {name}")
        self._lock = threading.Lock()
        self._under_way: Future[None] | None = None
        self._began_at = self._ended_at = float("-inf")

    @property
    def is_stuck(self) -> bool:
        return self._ended_at == float("inf") and time.monotonic() - self._began_at >= STUCK_SECONDS

    def begin(self) -> Future[None]:
        """The look that is under way, or has just ended."""
        with self._lock:
            if self._under_way is None or time.monotonic() - self._ended_at >= FRESH_SECONDS:
                self._began_at, self._ended_at = time.monotonic(), float("inf")  # not before it has ended
                self._under_way = self._thread.submit(self._timed)
            return self._under_way

    def _timed(self) -> None:
        try:
            self._look()
        except _PROBLEMS:
            raise
        except Exception:
            if not self._is_defective:  # looks come often: its first failure is logged
                logging.getLogger(__name__).exception("the look at %s failed", self._name)
            self._is_defective = True
            raise
        else:
            self._is_defective = False
        finally:
            self._ended_at = time.monotonic()


class Health:
    """Readiness and liveness of one process, in texts that sources of any thread report.

    A source is a short name ("broker", "configuration"). Its report replaces its earlier one.
    """

    def __init__(self, *, redact: Callable[[str], str] = redacted) -> None:
        self._redact = redact
        self._lock = threading.Lock()
        self._reasons: dict[str, tuple[str, ...]] = {}
        self._warnings: dict[str, tuple[str, ...]] = {}
        self._looks: dict[str, _Check] = {}

    def report(self, source: str, *, reasons: Iterable[str] = (), warnings: Iterable[str] = ()) -> None:
        """Replace the report of a source. `reasons` make the process not ready, `warnings` do not; none: all is well.

        Each is shown as `SOURCE: TEXT`.
        """
        with self._lock:
            self._reasons = self._reasons | {source: _named(source, reasons)}
            self._warnings = self._warnings | {source: _named(source, warnings)}

    def check(self, source: str, look: Callable[[], None]) -> None:
        """Have `look` called whenever readiness is asked for, at most once a second; a DeployDBError or an OSError that
        it raises is the reason against it. So is any other error, a defect of the look, which is logged, too. It may
        report. A second look of the same source replaces the first."""
        self._looks[source] = _Check(source, look)

    def looked(self) -> dict[str, str | None]:
        """The look at each source: the reason against it, None where all is well. Waits for servers, a few seconds."""
        looks = {source: look.begin() for source, look in list(self._looks.items())}
        wait(looks.values(), ANSWER_WITHIN_SECONDS)
        return {source: self._outcome(look) for source, look in looks.items()}

    @property
    def alive(self) -> bool:
        """Whether the process goes on: its looks end."""
        return not any(look.is_stuck for look in self._looks.values())

    def ready(self) -> Ready:
        """Whether work is being done, and the reasons against it. Waits as `looked` does."""
        looked = self.looked()
        reasons = [reason for reported in self._reasons.values() for reason in reported]
        reasons += [f"{source}: {reason}" for source, reason in looked.items() if reason is not None]
        warnings = [warning for reported in self._warnings.values() for warning in reported]
        return Ready(
            ready=not reasons, reasons=tuple(map(self._redact, reasons)), warnings=tuple(map(self._redact, warnings))
        )

    def routes(self) -> list[Route]:
        """Their paths. Probes send Accept headers of their own, which do not matter."""
        return [Route("/healthz", self._healthz, methods=["GET"]), Route("/readyz", self._readyz, methods=["GET"])]

    async def _healthz(self, _request: Request) -> Response:
        alive = self.alive
        return _answer({"alive": alive}, alive)

    def _readyz(self, _request: Request) -> Response:
        ready = self.ready()
        return _answer(ready, ready.ready)

    def _outcome(self, look: Future[None]) -> str | None:
        if not look.done():
            return f"no answer within {ANSWER_WITHIN_SECONDS:.0f} s"
        error = look.exception()
        if error is None:
            return None
        return self._redact(str(error) if isinstance(error, _PROBLEMS) else f"the look at it failed: {error!r}")


def _named(source: str, texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{source}: {text}" for text in texts)


def _answer(body: object, good: bool) -> Response:
    return Response(msgspec.json.encode(body), status_code=200 if good else 503, media_type=JSON)
