"""The definitions of RabbitMQ as resources of its messaging topology operator for Kubernetes.

Fields: https://www.rabbitmq.com/kubernetes/operator/using-topology-operator. A user's name and password are in the
Secret `CLUSTER-USER`, with the keys `username` and `password`; the operator reads it when it makes the user.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from deploydb.broker.definitions import definitions
from deploydb.broker.topology import Topology
from deploydb.broker.users import User

_API = "rabbitmq.com/v1beta1"
_SEPARATOR = "\0"
_LONGEST_NAME = 253
"""Of an object of Kubernetes."""
_CLUSTER = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""The cluster operator names Services after a RabbitmqCluster."""


def is_name_of_cluster(name: str) -> bool:
    """Whether Kubernetes takes the name of a RabbitmqCluster."""
    return _CLUSTER.fullmatch(name) is not None


def topology_resources(topology: Topology, users: Sequence[User], *, vhost: str, cluster: str) -> list[dict[str, Any]]:
    """One resource for each definition, for the RabbitmqCluster `cluster` of the same namespace."""
    document = definitions(topology, users, vhost=vhost)
    return [
        {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec | _of(cluster)}
        for kind, name, spec in _resources(document, cluster)
    ]


def _of(cluster: str) -> dict[str, Any]:
    return {"rabbitmqClusterReference": {"name": cluster}}


def _resources(document: dict[str, Any], cluster: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, name and fields of each."""
    for each in document["vhosts"]:
        yield "Vhost", _name(each["name"]), {"name": each["name"]}
    for each in document["exchanges"]:
        yield (
            "Exchange",
            _name(each["name"]),
            _fields(each, "name", "vhost", "type", "durable", autoDelete="auto_delete"),
        )
    for each in document["queues"]:
        fields = _fields(each, "name", "vhost", "durable", "arguments", autoDelete="auto_delete")
        arguments = dict(fields["arguments"])
        yield "Queue", _name(each["name"]), fields | {"type": arguments.pop("x-queue-type"), "arguments": arguments}
    for each in document["bindings"]:
        fields = _fields(
            each, "source", "vhost", "destination", destinationType="destination_type", routingKey="routing_key"
        )
        yield "Binding", _name(each["destination"], each["source"], each["routing_key"]), fields
    for each in document["users"]:
        secret = {"importCredentialsSecret": {"name": f"{cluster}-{each['name']}"}}
        yield "User", _name(each["name"]), secret | ({"tags": each["tags"].split(",")} if each["tags"] else {})
    for each in document["permissions"]:
        permissions = {"permissions": _fields(each, "configure", "write", "read")}
        yield "Permission", _name(each["user"]), _whose(each) | permissions
    for each in document["topic_permissions"]:
        permissions = {"permissions": _fields(each, "exchange", "write", "read")}
        yield "TopicPermission", _name(each["user"], each["exchange"]), _whose(each) | permissions


def _whose(definition: dict[str, Any]) -> dict[str, Any]:
    return {"vhost": definition["vhost"], "userReference": {"name": _name(definition["user"])}}


def _fields(definition: dict[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    return {name: definition[name] for name in names} | {name: definition[old] for name, old in renamed.items()}


def _name(first: str, *others: str) -> str:
    """A name that Kubernetes takes: `first`, with a hash where it is not one, or `others` belong to it."""
    taken = re.sub(r"[^a-z0-9.-]+", "-", first.lower())[: _LONGEST_NAME - 9]
    taken = re.sub(r"-*\.[.-]*", ".", taken).strip("-.")
    if taken == first and not others:
        return taken
    digest = hashlib.sha256(_SEPARATOR.join([first, *others]).encode()).hexdigest()[:8]
    return f"{taken}-{digest}" if taken else digest
