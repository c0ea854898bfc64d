"""Ports on loopback."""

import random
import socket


def free_ports(count: int) -> list[int]:
    # Below the range that outgoing connections take theirs from: a client that tries again and again to reach a server
    # that is down must not be given the server's own port.
    found: list[int] = []
    while len(found) < count:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
