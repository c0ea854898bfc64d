"""Ports on loopback."""

import os
import random
import socket
from itertools import count

# Below the range that outgoing connections take theirs from: a client that tries again and again to reach a server that
# is down must not be given the server's own port.
_FIRST, _LAST = 20_000, 32_000
# Each of xdist's workers has every n-th: a port that one has found stays free until its server starts.
_STEP = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_BEGIN = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_turns = count(random.randrange(_LAST - _FIRST))


def free_ports(number: int) -> list[int]:
    """Ports that nothing listens on, and that no other test of this run gets."""
    found: list[int] = []
    while len(found) < number:
        port = _FIRST + _BEGIN + next(_turns) % ((_LAST - _FIRST) // _STEP) * _STEP
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
