"""What `doctor` finds of command queues: those that no orchestrator consumes."""

from collections.abc import Iterator, Mapping

from deploydb.broker.port import QueueDepth
from deploydb.broker.topology import COMMANDS, Topology
from deploydb.cli.client import Body
from deploydb.cli.finding import Finding

_CHECK = "command queues"
_ADVICE = "start the orchestrator that consumes it (`deploydb deployer`), or see what keeps it from the broker"


def consumer_findings(wanted: Topology, depths: Mapping[str, QueueDepth | None]) -> Iterator[Finding]:
    """Of the broker itself. `depths`: by `queue NAME`."""
    found = {
        queue.name: depth
        for queue in wanted.queues
        if any(binding.exchange == COMMANDS for binding in queue.bindings)
        and (depth := depths.get(f"queue {queue.name}")) is not None
    }
    for name, depth in found.items():
        if depth.consumers:
            continue
        seen = f"{name} has no consumer; waiting commands: {depth.ready}"
        yield Finding(check=_CHECK, state="fail" if depth.ready else "warn", seen=seen, advice=_ADVICE)
    if found and all(depth.consumers for depth in found.values()):
        yield Finding(check=_CHECK, state="ok", seen=f"{len(found)} of {len(found)} have consumers")


def recorded_consumers(operations: Body) -> Iterator[Finding]:
    """As the relays have seen them, by the query service's answer on operations."""
    for one in operations.get("unconsumed", ()):
        yield Finding(check=_CHECK, state="fail", seen=one["text"], advice=_ADVICE)
