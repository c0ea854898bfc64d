"""What exists on the broker, as data: exchanges, queues, and what is routed where.

Workers never declare: they find what `deploydb broker provision` has made. A quorum queue declared a moment before a
crash may come back without a leader, so provisioning is a step of its own, ahead of use (measured).
"""

from collections.abc import Mapping

from msgspec import Struct

from deploydb.domain.catalog import Catalog

EVENTS = "deploydb.events"
"""Where everybody publishes facts."""
COMMANDS = "deploydb.commands"
"""Where the relay publishes commands; only the relay may."""
NOTIFICATIONS = "deploydb.notifications"
"""Where the relay publishes news, by what, environment and service, for whoever binds a queue."""
DEAD = "deploydb.dead"
"""Where every dead letter goes, by the name of the queue that it died in."""

INGEST_QUEUE = "deploydb.ingest"
DEAD_QUEUE = "deploydb.dead"

DELIVERY_LIMIT = 20
"""Deliveries of one message before the broker takes it for poison. Low limits kill innocent neighbours of a crash."""

LOOKS_LIMIT = 1_000_000
"""Times that people may look at one dead letter."""


class Binding(Struct, frozen=True, kw_only=True):
    """Messages of `exchange` whose routing key fits `pattern` (topic rules: `*` one word, `#` any number)."""

    exchange: str
    pattern: str


class Queue(Struct, frozen=True, kw_only=True):
    """A durable quorum queue. `dead_letters`: whether what it gives up on goes to `DEAD` (all but the dead queue)."""

    name: str
    bindings: tuple[Binding, ...]
    dead_letters: bool = True

    @property
    def arguments(self) -> dict[str, str | int]:
        """The arguments it is declared with on RabbitMQ."""
        if not self.dead_letters:
            # RabbitMQ 4 limits quorum queues to 20 deliveries by default, and drops what exceeds it; every look at a
            # dead letter is a delivery.
            return {"x-queue-type": "quorum", "x-delivery-limit": LOOKS_LIMIT}
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": self.name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }


class Topology(Struct, frozen=True, kw_only=True):
    """Everything that must exist. Exchanges are durable topic exchanges."""

    exchanges: tuple[str, ...]
    queues: tuple[Queue, ...]

    def foreign_patterns(self, queue: Queue) -> list[str]:
        """The patterns of commands that belong to other queues, and not to this one: nobody deploys for two."""
        own = {binding.pattern for binding in queue.bindings if binding.exchange == COMMANDS}
        everybodys = {
            binding.pattern for other in self.queues for binding in other.bindings if binding.exchange == COMMANDS
        }
        return sorted(everybodys - own)


def command_queue(orchestrator: str) -> str:
    """The queue that an orchestrator takes its commands from."""
    return f"{COMMANDS}.{orchestrator}"


def topology(orchestrators: Mapping[str, tuple[str, ...]]) -> Topology:
    """What must exist for a catalog's orchestrators, each with the environments that name it."""
    commands = tuple(
        Queue(
            name=command_queue(orchestrator),
            bindings=tuple(Binding(exchange=COMMANDS, pattern=f"{ident}.#") for ident in environments),
        )
        for orchestrator, environments in sorted(orchestrators.items())
    )
    return Topology(
        exchanges=(EVENTS, COMMANDS, NOTIFICATIONS, DEAD),
        queues=(
            Queue(name=DEAD_QUEUE, bindings=(Binding(exchange=DEAD, pattern="#"),), dead_letters=False),
            Queue(name=INGEST_QUEUE, bindings=(Binding(exchange=EVENTS, pattern="#"),)),
            *commands,
        ),
    )


def topology_of(catalog: Catalog) -> Topology:
    """What must exist for a catalog."""
    return topology(catalog.orchestrators())
