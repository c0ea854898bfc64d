"""A command queue that no orchestrator consumes, as it is answered."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from deploydb.broker.topology import command_queue
from deploydb.domain.model.catalog import Catalog
from deploydb.query.bodies import body_of
from deploydb.store.command_queues import Unconsumed
from deploydb.store.queries.deployments import DeploymentView


class UnconsumedQueue(Struct, frozen=True, kw_only=True):
    """A `queue` of commands that has had no consumer since a time, while `ready` messages wait in it. `text`: all of it
    in a line."""

    queue: str
    orchestrator: str
    since: str
    ready: int
    text: str


def unconsumed_bodies(found: Iterable[Unconsumed]) -> list[UnconsumedQueue]:
    named = ((one, command_queue(one.orchestrator)) for one in found)
    return [
        body_of(UnconsumedQueue, one, queue=queue, text=f"the queue {queue} is {one.words}") for one, queue in named
    ]


def awaited(
    catalog: Catalog, unconsumed: Sequence[UnconsumedQueue], way: Iterable[DeploymentView]
) -> list[UnconsumedQueue]:
    """The queues in which the commands of these deployments are, of those that are given."""
    commanded = {view.environment for view in way if view.status == "CREATED"}
    waits_for = {catalog.environments[name].orchestrator for name in commanded if name in catalog.environments}
    return [one for one in unconsumed if one.orchestrator in waits_for]
