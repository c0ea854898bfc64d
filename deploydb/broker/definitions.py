"""RabbitMQ's definitions: the vhost, its topology and its users, as `rabbitmqctl import_definitions` takes them.

A user without a password has an empty hash, and cannot log in with one until it is given: a definition always replaces
the password that its user had.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from deploydb.broker.topology import Topology
from deploydb.broker.users import User

_ALGORITHM = "rabbit_password_hashing_sha256"


def definitions(
    topology: Topology, users: Sequence[User], *, vhost: str, hashes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The document. `hashes`: of passwords, by user, as `password_hash` makes them."""
    given = hashes or {}
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            {
                "name": user.name,
                "password_hash": given.get(user.name, ""),
                "hashing_algorithm": _ALGORITHM,
                "tags": ",".join(user.tags),
            }
            for user in users
        ],
        "permissions": [
            {"user": user.name, "vhost": vhost, "configure": user.configure, "write": user.write, "read": user.read}
            for user in users
        ],
        "topic_permissions": [
            {"user": user.name, "vhost": vhost, "exchange": exchange, "write": pattern, "read": ""}
            for user in users
            for exchange, pattern in user.topics.items()
        ],
        "exchanges": [
            {
                "name": name,
                "vhost": vhost,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for name in topology.exchanges
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": vhost,
                "durable": True,
                "auto_delete": False,
                "arguments": queue.arguments,
            }
            for queue in topology.queues
        ],
        "bindings": [
            {
                "source": binding.exchange,
                "vhost": vhost,
                "destination": queue.name,
                "destination_type": "queue",
                "routing_key": binding.pattern,
                "arguments": {},
            }
            for queue in topology.queues
            for binding in queue.bindings
        ],
    }


def password_hash(password: str, salt: bytes) -> str:
    """RabbitMQ's hash of a password: base64 of four bytes of salt and SHA-256 of both (rabbitmq.com/docs/passwords)."""
    salted = salt + hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salted).decode()
