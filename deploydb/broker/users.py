"""The users of RabbitMQ as data: one a role, each with what its role does and nothing more.

`deploydb broker definitions` writes them down beside the topology. The names are those that `access.yml` knows without
an entry (docs/access.md). `promote`, `verify` and `query` have no user: they use no broker.

RabbitMQ matches a permission's pattern against the name of an exchange or queue, and a topic permission's against the
routing key, at any place in it: so each pattern has both ends. An empty pattern matches nothing. A declaration is
compared only for a user who may configure; a passive one needs no permission.
"""

import re
from collections.abc import Collection, Iterable

from msgspec import Struct

from deploydb.broker.topology import (
    COMMANDS,
    DEAD,
    DEAD_QUEUE,
    EVENTS,
    INGEST_QUEUE,
    NOTIFICATIONS,
    NOTIFY_QUEUE,
    Topology,
    command_queue,
)
from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted, VerificationFinished, type_of

_RELAYED = (VerificationFinished, DeploymentStarted, DeploymentFinished)
"""The facts of `verify` and `orchestrate`, which the relay publishes for them."""


class User(Struct, frozen=True, kw_only=True):
    """A user of one vhost: the names of exchanges and queues that it may configure, write and read.

    `topics`: the routing keys with which it may write to an exchange, by exchange; all where none are named. `tags`: of
    the management interface.
    """

    name: str
    configure: str = ""
    write: str = ""
    read: str = ""
    topics: dict[str, str] = {}
    tags: tuple[str, ...] = ()


def users(topology: Topology, tools: Collection[str] = ()) -> tuple[User, ...]:
    """One a role. `tools`: the orchestrators whose queues the worker `orchestrate` consumes; `deployer` has the others.

    A role without queues has its user all the same, which may do nothing.
    """
    every = {queue.name for queue in topology.queues}
    own = {command_queue(name) for name in tools} & every
    commands = {name for name in every if name.startswith(f"{COMMANDS}.")}
    return (
        User(name="ci", write=_exactly([EVENTS])),
        User(
            name="relay",
            write=_exactly([COMMANDS, EVENTS, NOTIFICATIONS]),
            topics={EVENTS: _exactly(type_of(kind) for kind in _RELAYED)},
        ),
        User(name="gateway", write=_exactly([EVENTS])),
        _consumer("ingest", {INGEST_QUEUE}),
        _consumer("notify", {NOTIFY_QUEUE} & every),
        _consumer("orchestrate", own),
        _consumer("deployer", commands - own, EVENTS),
        # the dead-letter queue, and the exchanges to which a letter goes back
        User(name="operator", write=_exactly([COMMANDS, EVENTS]), read=_exactly([DEAD_QUEUE])),
        # binding takes `write` on the queue and `read` on the exchange; a dead-letter exchange takes `write`
        User(name="provision", configure=_OURS, write=_OURS, read=_OURS),
        User(name="monitoring", tags=("monitoring",)),
    )


_OURS = "^deploydb\\."


def _consumer(name: str, queues: Collection[str], *exchanges: str) -> User:
    """Reads queues, and dead-letters their messages under their names."""
    if not queues:
        return User(name=name)
    return User(name=name, read=_exactly(queues), write=_exactly([DEAD, *exchanges]), topics={DEAD: _exactly(queues)})


def _exactly(names: Iterable[str]) -> str:
    """The pattern of these names. Of names and literal dots only: `re.escape` and Erlang's `re` agree about them."""
    return f"^({'|'.join(re.escape(name) for name in sorted(names))})$"
