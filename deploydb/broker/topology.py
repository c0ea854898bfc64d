"""The topology of the broker, as data: exchanges, queues and bindings.

`deploydb broker provision` declares it; workers never do. A quorum queue declared a moment before a crash may come back
without a leader, so provisioning is a step of its own, ahead of use (measured).
"""

from collections.abc import Mapping

from msgspec import Struct

from deploydb.domain.model.catalog import Catalog

EVENTS = "deploydb.events"
"""Facts, from every publisher."""
COMMANDS = "deploydb.commands"
"""Commands. Only the relay may publish them."""
NOTIFICATIONS = "deploydb.notifications"
"""Notifications of the relay, by type, environment and service, for every queue that is bound."""
DEAD = "deploydb.dead"
"""Dead letters, by the name of the queue that they died in."""

INGEST_QUEUE = "deploydb.ingest"
DEAD_QUEUE = "deploydb.dead"
NOTIFY_QUEUE = "deploydb.notify"
"""The notifications for webhooks, where some are configured."""

EIFFEL_PATTERN = "eiffel.#"
"""The routing keys of Eiffel events, by Sepia: eiffel.FAMILY.TYPE.TAG.DOMAIN."""

DELIVERY_LIMIT = 20
"""Deliveries of one message before the broker gives it up. A low limit also hits other messages of a crash."""

LOOKS_LIMIT = 1_000_000
"""Looks at one dead letter."""


class Binding(Struct, frozen=True, kw_only=True):
    """Messages of `exchange` whose routing key fits `pattern` (topic rules: `*` one word, `#` any number)."""

    exchange: str
    pattern: str


class Queue(Struct, frozen=True, kw_only=True):
    """A durable quorum queue. `dead_letters`: whether given-up messages go to `DEAD` (all but the dead queue).
    `in_order`: one consumer at a time gets its messages."""

    name: str
    bindings: tuple[Binding, ...]
    dead_letters: bool = True
    in_order: bool = False

    @property
    def arguments(self) -> dict[str, str | int]:
        """Its arguments on RabbitMQ."""
        if not self.dead_letters:
            # RabbitMQ 4 drops messages of quorum queues after 20 deliveries by default; every look at a dead letter
            # is a delivery.
            return {"x-queue-type": "quorum", "x-delivery-limit": LOOKS_LIMIT}
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": self.name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            **({"x-single-active-consumer": True} if self.in_order else {}),
        }


class Topology(Struct, frozen=True, kw_only=True):
    """The required exchanges and queues. Exchanges are durable topic exchanges. `others`: exchanges that other programs
    make, to which queues are bound."""

    exchanges: tuple[str, ...]
    queues: tuple[Queue, ...]
    others: tuple[str, ...] = ()

    def foreign_patterns(self, queue: Queue) -> list[str]:
        """The patterns of commands of other queues, and not of this one: an environment has one orchestrator."""
        own = {binding.pattern for binding in queue.bindings if binding.exchange == COMMANDS}
        every = {binding.pattern for other in self.queues for binding in other.bindings if binding.exchange == COMMANDS}
        return sorted(every - own)


def command_queue(orchestrator: str) -> str:
    return f"{COMMANDS}.{orchestrator}"


def topology(
    orchestrators: Mapping[str, tuple[str, ...]], *, notifies: bool = False, eiffel: str | None = None
) -> Topology:
    """The topology for orchestrators, each with the environments that name it. `notifies`: webhooks are configured;
    `eiffel`: the exchange of Eiffel events, with the routing keys of Sepia."""
    commands = tuple(
        Queue(
            name=command_queue(orchestrator),
            bindings=tuple(Binding(exchange=COMMANDS, pattern=f"{name}.#") for name in environments),
        )
        for orchestrator, environments in sorted(orchestrators.items())
    )
    hears = (Binding(exchange=NOTIFICATIONS, pattern="#"),)
    notify = (Queue(name=NOTIFY_QUEUE, bindings=hears, in_order=True),) if notifies else ()
    others = (eiffel,) if eiffel is not None else ()
    facts = (
        Binding(exchange=EVENTS, pattern="#"),
        *(Binding(exchange=exchange, pattern=EIFFEL_PATTERN) for exchange in others),
    )
    return Topology(
        exchanges=(EVENTS, COMMANDS, NOTIFICATIONS, DEAD),
        queues=(
            Queue(name=DEAD_QUEUE, bindings=(Binding(exchange=DEAD, pattern="#"),), dead_letters=False),
            Queue(name=INGEST_QUEUE, bindings=facts),
            *notify,
            *commands,
        ),
        others=others,
    )


def topology_of(catalog: Catalog, *, eiffel: str | None = None) -> Topology:
    return topology(catalog.orchestrators(), notifies=bool(catalog.webhook_types), eiffel=eiffel)
