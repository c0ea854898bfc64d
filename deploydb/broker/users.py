"""The users of RabbitMQ as data: one a role, each with what its role does and nothing more.

`deploydb broker definitions` writes them down beside the topology. `access.yml` knows those that publish facts without
an entry (docs/access.md), except for `ci`. `promote`, `verify` and `query` have no user: they use no broker.

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
    """One a role. `tools`: the orchestrators whose queues the worker `orchestrate` consumes; `deployer` has the others,
    also those that are made later and those that an environment has left.

    A role without queues has its user all the same, which may do nothing.
    """
    own = _names(command_queue(name) for name in tools)
    but_own = f"(?!{own}$)" if tools else ""
    return (
        User(name="ci", write=_exactly([EVENTS])),
        User(
            name="relay",
            write=_exactly([COMMANDS, EVENTS, NOTIFICATIONS]),
            topics={EVENTS: _exactly(type_of(kind) for kind in _RELAYED)},
        ),
        User(name="gateway", write=_exactly([EVENTS])),
        _consumer("ingest", _exactly([INGEST_QUEUE])),
        _consumer("notify", _exactly([NOTIFY_QUEUE])),
        _consumer("orchestrate", f"^{own}$" if tools else ""),
        _consumer("deployer", f"^{but_own}{_COMMAND_QUEUES}$", EVENTS),
        # the dead-letter queue, and the exchanges to which a letter goes back
        User(name="operator", write=_exactly([COMMANDS, EVENTS, NOTIFICATIONS]), read=_exactly([DEAD_QUEUE])),
        # binding takes `write` on the queue and `read` on the exchange; a dead-letter exchange takes `write`
        User(name="provision", configure=f"^{_OURS}$", write=f"^{_OURS}$", read=_exactly(topology.others, _OURS)),
        User(name="monitoring", tags=("monitoring",)),
    )


_OURS = r"deploydb\..*"
_COMMAND_QUEUES = rf"{re.escape(COMMANDS)}\..+"


def _consumer(name: str, queues: str, *exchanges: str) -> User:
    """Reads the queues of a pattern, and dead-letters their messages under their names."""
    if not queues:
        return User(name=name)
    return User(name=name, read=queues, write=_exactly([DEAD, *exchanges]), topics={DEAD: queues})


def _exactly(names: Iterable[str], *patterns: str) -> str:
    """The pattern of these names, and of what fits one of the patterns."""
    return f"^{_names(names, *patterns)}$"


def _names(names: Iterable[str], *patterns: str) -> str:
    """Of names and literal dots only: `re.escape` and Erlang's `re` agree about them."""
    return f"({'|'.join([*patterns, *map(re.escape, sorted(names))])})"
