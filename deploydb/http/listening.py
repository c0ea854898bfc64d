"""The socket of a service, and the process that holds an address which is taken."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import PurePath

import psutil

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.suggestions import shown
from deploydb.redaction import redacted

WAITING_CONNECTIONS = 2048
_PORTS_TRIED = 20
_LONGEST_COMMAND = 120


@contextmanager
def listening(address: str, *, setting: str = "DEPLOYDB_LISTEN") -> Iterator[socket.socket]:
    """A socket that listens on HOST:PORT, as `setting` says. Port 0 is any free one; no host is every address.

    Raises: Misconfigured where that is no address, or it is taken: then with the process that holds it.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise Misconfigured(f"{setting} is {address}: expected HOST:PORT, such as 127.0.0.1:8080")
    try:
        made = bind(host, int(port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(
                f"port {port} is taken by {holder(int(port))}: {_instead(host, int(port), setting)}"
            ) from error
        message = f"cannot listen on {address}: {error.strerror or error}; set {setting} to another address"
        raise Misconfigured(message) from error
    with made:
        yield made


def address_of(bound: socket.socket) -> str:
    """HOST:PORT of a socket."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def with_port_of(bound: socket.socket, address: str) -> str:
    """HOST:PORT as it was given, with the port that the socket has got."""
    return f"{address.rpartition(':')[0]}:{bound.getsockname()[1]}"


def local_url(bound: socket.socket) -> str:
    """The URL at which this machine reaches a socket, and no other one: without a name to be resolved."""
    host, port = bound.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # asked there, not bound
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def holder(port: int) -> str:
    """The process that listens on a port, in words; without its name where the system does not show it."""
    try:
        pids = [
            found.pid
            for found in psutil.net_connections("tcp")
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid is not None
        ]
        if not pids:
            return "another process"
        process = psutil.Process(pids[0])
        words = process.cmdline()
        if not _is_ours(words):
            return f"process {process.pid} ({_in_short(words)})"
        # a part of `deploydb up`, perhaps of a tour's: named by what its user has started
        for parent in process.parents():
            if not _is_ours(above := parent.cmdline()):
                break
            process, words = parent, above
    except (psutil.Error, OSError):
        return "another process"
    return f"another DeployDB, process {process.pid} ({_in_short(words)})"


def _is_ours(words: list[str]) -> bool:
    """Whether a command is `deploydb …`, `python … deploydb …`, or `python -m deploydb|workers …`."""
    modules = {module for flag, module in pairwise(words) if flag == "-m"}
    return bool(modules & {"deploydb", "deploydb.workers", "workers"}) or any(
        PurePath(word).name == "deploydb" for word in words[:2]
    )


def _in_short(words: list[str]) -> str:
    return shown(redacted(" ".join(words)), _LONGEST_COMMAND)


def _instead(host: str, port: int, setting: str) -> str:
    """What to set, with the next port that is free."""
    for other in range(port + 1, min(port + _PORTS_TRIED, 65535) + 1):
        try:
            with closing(bind(host, other)):
                address = f"{host}:{other}"
                return f"{setting} {address}" if setting.startswith("--") else f"set {setting}={address}"
        except OSError:
            continue
    return f"give another address by {setting}"


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises: OSError."""
    name = host.removeprefix("[").removesuffix("]") or "0.0.0.0"  # noqa: S104  # `:8080` asks for every address
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    return socket.create_server((name, port), family=family, backlog=WAITING_CONNECTIONS)
