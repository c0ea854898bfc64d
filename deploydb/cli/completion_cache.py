"""Names for completion: those of the server, or of a short time ago.

Completion runs at each press of a key. A list is kept for a minute, for each server and user apart. The server has less
than a second; without an answer the last list is offered, for a day at most.
"""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Thread
from time import time

import click

from deploydb.domain.model.errors import DeployDBError
from deploydb.domain.unsafe_characters import has_hidden
from deploydb.private_files import home, make_folder
from deploydb.processes import me
from deploydb.settings import from_environment

FRESH_SECONDS = 60.0
_LAST_SECONDS = 86400.0
_WITHIN_SECONDS = 0.6
"""For the server: with the start of the program it is less than a second."""
_MOST = 2000
"""Names of a list."""


def names_of(question: str, ask: Callable[[], Iterable[str]]) -> list[str]:
    """The answer to a question, each name once: of the server at this time, or an earlier one of it to this user.

    Nothing where there is neither. Prints nothing, and raises nothing of the file or the server.
    """
    try:
        settings = from_environment()
    except DeployDBError:
        return []
    identity = "\0".join((settings.url, me(), settings.token, question))
    folder = _folder()
    if folder is None:
        return _asked(ask) or []
    path = folder / f"{sha256(identity.encode(errors='surrogateescape')).hexdigest()}.json"
    age = _age(path)
    if age is not None and age < FRESH_SECONDS:
        return _read(path)
    found = _asked(ask)
    if found is not None:
        _write(path, found)
        return found
    return _read(path) if age is not None and age < _LAST_SECONDS else []


def _folder() -> Path | None:
    """None for a user without a home."""
    given, own = os.environ.get("XDG_CACHE_HOME"), home()
    base = Path(given) if given else own / ".cache" if own is not None else None
    return base / "deploydb" / "completion" if base is not None else None


def _asked(ask: Callable[[], Iterable[str]]) -> list[str] | None:
    """The answer, None where there is none in time. The thread of a late one ends with the process."""
    found: list[list[str]] = []

    def run() -> None:
        with suppress(DeployDBError, click.UsageError, LookupError, TypeError):  # no answer, or none of ours
            found.append(_offered(dict.fromkeys(ask()))[:_MOST])

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(_WITHIN_SECONDS)
    return found[0] if found else None


def _offered(names: Iterable[str]) -> list[str]:
    """Those without a character that commands a terminal: a shell prints them as they are."""
    return [name for name in names if not has_hidden(name)]


def _age(path: Path) -> float | None:
    """How far from now it was written, by a clock that may have been set back since; None where it is not there."""
    try:
        return abs(time() - path.stat().st_mtime)
    except OSError:
        return None


def _read(path: Path) -> list[str]:
    try:
        names = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return []
    return _offered(name for name in names if isinstance(name, str)) if isinstance(names, list) else []


def _write(path: Path, names: list[str]) -> None:
    """Keep a list, in a file for the user alone; drop those that are too old."""
    beside = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # what cannot be kept is asked for again
        make_folder(path.parent)
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(names))
        beside.replace(path)
        for other in path.parent.iterdir():
            if (_age(other) or 0.0) > _LAST_SECONDS:
                other.unlink(missing_ok=True)
