"""Evaluations in memory, one after the other at one time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import Decision, Decisions, ServiceSnapshot
from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.errors import Permanent
from deploydb.engine.assumed_evidence import AssumedEvidence
from deploydb.engine.ledger import Ledger

_MOST = 300
"""Evaluations at one time: each but the last one makes rows or commands, so that more are a fault of `decide`."""


class Unsettled(Permanent):
    """There is no end of what is decided at one time."""


class Settled(NamedTuple):
    """The deployments of a service after all that is decided at one time, by id, and what was decided, in order."""

    deployments: Mapping[int, Deployment]
    decisions: Sequence[Decision]


def settled(catalog: Catalog, snapshot: ServiceSnapshot, now: datetime) -> Settled:
    """What would become of a snapshot now, with its evidence taken as it is. Nothing is changed.

    Raises: Unsettled.
    """
    ledger = Ledger.of(snapshot, AssumedEvidence(snapshot.evidence))
    decided = [one for made in settle(catalog, ledger, snapshot, now) for one in made.decisions]
    return Settled(ledger.deployments, decided)


def settle(catalog: Catalog, ledger: Ledger, snapshot: ServiceSnapshot, now: datetime) -> Iterator[Decisions]:
    """Decide and write to the ledger until nothing more is to be decided now. Gives each evaluation once it is written.

    `snapshot`: its holds and neighbours, and the verdicts that are assumed; the rest is in the ledger.

    Raises: Unsettled.
    """
    stages, branches = catalog.environments_of(snapshot.service), catalog.branches(snapshot.service)
    for _ in range(_MOST):
        known = ledger.snapshot(snapshot.holds, snapshot.neighbours, {}, stages, branches)
        made = decide(catalog, replace(known, assumed=snapshot.assumed), now)
        ledger.write(made)
        yield made
        if not made.again:
            return
    raise Unsettled(f"{snapshot.service} is not settled after {_MOST} evaluations at one time: please report it")
