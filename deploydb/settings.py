"""Settings, from the environment: where things are, and what is not for configuration files (secrets).

Each `DEPLOYDB_X` may be given as `DEPLOYDB_X_FILE`, the path of a file that holds it. Nothing is read at import.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from msgspec import Struct

from deploydb.domain.model.errors import Misconfigured
from deploydb.redaction import secrets_in

DATA_FOLDER = "deploydb-data"
_BOTH = "{name} and {name}_FILE are both set: keep one of them"
_PATHS = ("data", "config", "tokens_file")
MAX_BODY_BYTES = 1024 * 1024
"""The largest message taken, 1 MiB (RELIABILITY: bounded sizes)."""

Reads = Literal["open", "token"]
"""Who may read: everybody who reaches the service, or a person with the scope `read`."""


class Settings(Struct, frozen=True, kw_only=True):
    """Where DeployDB finds its parts. The defaults are the embedded ones: no server to install."""

    data: Path = Path(DATA_FOLDER)
    database_url: str = f"sqlite:///{DATA_FOLDER}/deploydb.db"
    broker_url: str = f"embedded:{DATA_FOLDER}/broker.db"
    config: Path = Path("config")
    listen: str = "127.0.0.1:8080"
    url: str = "http://127.0.0.1:8080"
    log_level: str = "info"
    outgoing_allow: str = ""
    """Addresses besides public ones that webhooks and metrics may reach (`egress.EgressPolicy`); none by default."""
    gateway_listen: str = "127.0.0.1:8081"
    v1_writes: str = ""
    v1_clients: str = ""
    """Who may write by v1 (`gateway.v1_access.Writers`): `token` or `open`, and the networks of clients without one."""
    token: str = ""
    """What the command line shows to the query service."""
    tokens: str = ""
    """Lines of bearer tokens, hashed (`identity.Tokens`), of the variable itself; see `read_tokens`."""
    tokens_file: Path | None = None
    """The file of tokens, which only the processes that identify people read, and again when it changes."""
    session_secret: str = ""
    """The key of sessions, beside the token's hash (`http.sessions`)."""
    person_header: str = ""
    proxies: str = ""
    """The proxies whose `person_header` is trusted (`identity.Proxies`); by default none."""
    read: Reads = "open"
    hosts: str = ""
    """Further names of a service on loopback (`http.hosts`)."""
    trace_url: str = ""
    """The address of a trace in the user interface for them (`query.trace_links`)."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown, as `redacted` takes it."""
        return secrets_in((self.database_url, self.broker_url, self.url), self.token, self.session_secret)

    def read_tokens(self) -> str:
        """The lines of bearer tokens, of the variable or the file.

        Raises: Misconfigured for a file that cannot be read.
        """
        if self.tokens or self.tokens_file is None:
            return self.tokens
        return text_of(self.tokens_file, "DEPLOYDB_TOKENS_FILE")

    @property
    def tokens_source(self) -> str:
        """The place of `tokens`, for messages."""
        return str(self.tokens_file or "DEPLOYDB_TOKENS")


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings that the environment gives.

    `DEPLOYDB_DATA` moves the embedded default's folder; `DEPLOYDB_DATABASE_URL` and `DEPLOYDB_BROKER_URL` replace it.

    Raises: Misconfigured for a `*_FILE` that cannot be read (that of tokens is not read here), a variable given both
    ways, an empty secret, or a word that is none of its choices.
    """
    secret_file = environ.get("DEPLOYDB_SESSION_SECRET_FILE")
    if secret_file and not value_of(environ, "DEPLOYDB_SESSION_SECRET"):
        raise Misconfigured(f"DEPLOYDB_SESSION_SECRET_FILE: {secret_file} is empty: write a random text into it")
    given: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        variable = f"DEPLOYDB_{name.upper()}"
        # the tokens file is for other processes, too: its path is a setting of its own
        value = environ.get(variable) if name in ("tokens", "tokens_file") else value_of(environ, variable)
        if value:
            given[name] = Path(value) if name in _PATHS else value
    if "tokens" in given and "tokens_file" in given:
        raise Misconfigured(_BOTH.format(name="DEPLOYDB_TOKENS"))
    if given.get("read", "open") not in get_args(Reads):
        raise Misconfigured(f"DEPLOYDB_READ is {given['read']!r}: expected open or token")
    if "url" in given:
        given["url"] = given["url"].rstrip("/")
    data = given.get("data", DATA_FOLDER)
    moved = {"database_url": f"sqlite:///{data}/deploydb.db", "broker_url": f"embedded:{data}/broker.db"}
    return Settings(**moved | given)


def value_of(environ: Mapping[str, str], name: str) -> str | None:
    """A variable, or the content of the file that NAME_FILE names. Raises: Misconfigured."""
    plain, path = environ.get(name), environ.get(f"{name}_FILE")
    if plain and path:
        raise Misconfigured(_BOTH.format(name=name))
    return text_of(Path(path), f"{name}_FILE") if path else plain or None


def text_of(path: Path, setting: str) -> str:
    """The value in the file that a setting names. Raises: Misconfigured."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{setting}: cannot read {path}: {reason}") from error
