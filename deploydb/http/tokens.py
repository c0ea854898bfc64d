"""The identity in use, while people change the tokens file."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from msgspec.structs import replace

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.health import Health
from deploydb.identity import Identity, Tokens
from deploydb.settings import Settings
from deploydb.telemetry import Log

LOOK_SECONDS = 1.0
"""At most so often the file's time and size are looked at."""

_Stamp = tuple[int, int, int]


class LiveIdentity:
    """Every way to know who a person is, with the tokens of the last good file. A file that is broken or gone never
    replaces them; a warning is logged and part of health.

    Raises: Misconfigured where the settings are broken to begin with.
    """

    def __init__(
        self, given: Settings, *, health: Health, log: Log, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = given.tokens_file
        self._health = health
        self._log = log
        self._clock = clock
        self._lock = Lock()
        self._identity = Identity.parse(tokens=given.tokens, person_header=given.person_header, proxies=given.proxies)
        self._text = given.tokens
        self._warning: str | None = None
        self._seen: _Stamp | None = None  # what was read may have changed since: the first look reads it again
        self._looked_at = float("-inf")

    def __call__(self) -> Identity:
        """The one in use; from any thread. The file is looked at once a second, and read where it has changed."""
        if self._path is not None and self._clock() - self._looked_at >= LOOK_SECONDS:
            with self._lock:
                self._looked_at = self._clock()
                self._refresh(self._path)
        return self._identity

    def _refresh(self, path: Path) -> None:
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._seen:
                return
            text = path.read_text(encoding="utf-8").strip()
            self._seen = stamp
            tokens = Tokens.parse(text)
        except (OSError, UnicodeError) as error:
            self._seen = None
            self._warn(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
            return
        except Misconfigured as error:
            self._warn(str(error))
            return
        self._warn(None)
        if text != self._text:
            self._text = text
            self._identity = replace(self._identity, tokens=tokens)
            self._log.info("tokens changed", tokens=len(tokens))

    def _warn(self, reason: str | None) -> None:
        if reason == self._warning:
            return
        self._warning = reason
        if reason is None:
            self._log.info("tokens file good again")
            self._health.report("tokens")
        else:
            self._log.warning("tokens file broken, last good one in use", reason=reason)
            self._health.report("tokens", warnings=[f"file broken, the last good one is in use: {reason}"])
