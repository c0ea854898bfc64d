"""The identity in use, while people change the tokens file."""

from pathlib import Path

from msgspec.structs import replace

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.health import Health
from deploydb.identity import Identity, Tokens
from deploydb.settings import Settings, text_of
from deploydb.telemetry import Log

_Stamp = tuple[int, int, int]


class LiveIdentity:
    """Every way to identify a person, with the tokens of the last good file. A broken or missing file never replaces
    them. It is a warning in the log and of health, as is a file without which no person can be identified.

    Raises: Misconfigured where the settings are broken to begin with.
    """

    def __init__(self, given: Settings, *, health: Health, log: Log) -> None:
        self._path = given.tokens_file
        self._health = health
        self._log = log
        self._text = given.read_tokens()
        self._identity = Identity.parse(
            tokens=self._text, person_header=given.person_header, proxies=given.proxies, source=given.tokens_source
        )
        self._seen: _Stamp | None = None  # the file may have changed since the settings were read
        self._warning: str | None = None

    def __call__(self) -> Identity:
        """The one in use; from any thread."""
        return self._identity

    def refresh(self) -> None:
        """Read the file where it has changed; a broken one each time. To be called once a second, by one thread."""
        if self._path is None or ((stamp := _stamp(self._path)) is not None and stamp == self._seen):
            return
        self._seen = None
        try:
            text = text_of(self._path, "DEPLOYDB_TOKENS_FILE")
            tokens = Tokens.parse(text, str(self._path))
        except Misconfigured as error:
            self._warn(f"file broken, the last good one is in use: {error}")
            return
        self._seen = stamp
        if text != self._text:
            self._text = text
            self._identity = replace(self._identity, tokens=tokens)
            self._log.info("tokens changed", tokens=len(tokens))
        none = f"{self._path} has no token, and no person can sign in: add a line that `deploydb token NAME` makes"
        self._warn(None if self._identity else none)

    def _warn(self, warning: str | None) -> None:
        if warning == self._warning:
            return
        self._warning = warning
        self._health.report("tokens", warnings=() if warning is None else (warning,))
        if warning is None:
            self._log.info("tokens file good again")
        else:
            self._log.warning("tokens file", problem=warning)


def _stamp(path: Path) -> _Stamp | None:
    """What changes with the file's content; None where it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
