"""A relay's look at the broker: the command queues, whether orchestrators consume them, and the dead letters."""

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from deploydb.broker.port import Outbound
from deploydb.broker.topology import DEAD_QUEUE, command_queue
from deploydb.http.metrics import LatestGauge
from deploydb.store.clock import DatabaseClock
from deploydb.store.command_queues import note_waiting, orchestrators
from deploydb.store.dead_letters import note_dead_letters

from .health import WorkerHealth
from .intervals import Every

LOOK_EVERY_SECONDS = 10.0


class CommandQueues:
    """Looks at them now and then. Queues that do not exist are left out: their commands are returned."""

    def __init__(self, engine: sa.Engine, health: WorkerHealth, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._health = health
        self._looks = Every(LOOK_EVERY_SECONDS)
        self._consumers = LatestGauge(
            Gauge(
                "deploydb_command_queue_consumers",
                "Consumers of a command queue, as of this worker's last look.",
                ["queue"],
                registry=registry,
            )
        )
        self._ready = LatestGauge(
            Gauge(
                "deploydb_command_queue_ready_messages",
                "Commands that wait in a queue for a consumer, as of this worker's last look.",
                ["queue"],
                registry=registry,
            )
        )

    def look(self, outbound: Outbound, clock: DatabaseClock) -> None:
        """Raises: as `Outbound.publish`, and as `store.engine.transact`."""
        if not self._looks.due():
            return
        queues = {command_queue(name): name for name in orchestrators(self._engine)}
        depths = outbound.depths([*queues, DEAD_QUEUE])
        dead = depths.pop(DEAD_QUEUE, None)
        if dead is not None:
            note_dead_letters(self._engine, DEAD_QUEUE, dead.ready, clock())
        self._consumers.show({(queue,): depth.consumers for queue, depth in depths.items()})
        self._ready.show({(queue,): depth.ready for queue, depth in depths.items()})
        waiting = {queue: depth.ready if not depth.consumers else 0 for queue, depth in depths.items()}
        note_waiting(self._engine, {queues[queue]: ready for queue, ready in waiting.items()}, clock())
        without = [f"{queue} has no consumer; waiting commands: {ready}" for queue, ready in waiting.items() if ready]
        self._health.report("command queues", warnings=without)
