"""The command queues that `orchestrate` takes from: one for each configured orchestrator that an environment names."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from deploydb.broker.errors import PROVISION
from deploydb.broker.port import Delivery, Inbound
from deploydb.broker.topology import command_queue

from .intervals import Every

LOOK_EVERY_SECONDS = 0.5


class CommandInbounds:
    """Opens them as the configuration names them, and closes the others. `existing`: which of the queues are there."""

    def __init__(
        self, open_inbound: Callable[[str], Inbound], existing: Callable[[Sequence[str]], Sequence[str]]
    ) -> None:
        self._open = open_inbound
        self._existing = existing
        self._looks = Every(LOOK_EVERY_SECONDS)
        self.open: dict[str, Inbound] = {}

    def want(self, names: Sequence[str]) -> list[str]:
        """Open those of these orchestrators. A sentence for each that has no queue yet. Raises: as `Inbound`."""
        for name in self.open.keys() - set(names):
            self.open.pop(name).close()
        closed = [name for name in names if name not in self.open]
        if closed and self._looks.due():
            there = self._existing([command_queue(name) for name in closed])
            for name in closed:
                if command_queue(name) in there:
                    self.open[name] = self._open(command_queue(name))
        missing = [name for name in closed if name not in self.open]
        return [f"the queue {command_queue(name)} does not exist: {PROVISION}" for name in missing]

    def receive(self, limit: int, wait: timedelta) -> Iterator[tuple[str, Inbound, Sequence[Delivery]]]:
        """What has come, by orchestrator, within about `wait`."""
        inbounds = dict(self.open)
        for name, inbound in inbounds.items():
            if taken := inbound.receive(limit, wait / len(inbounds)):
                yield name, inbound, taken

    def close(self) -> None:
        """Close all. What was not acked comes again."""
        inbounds, self.open = self.open, {}
        for inbound in inbounds.values():
            inbound.close()
