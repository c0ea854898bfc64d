"""Promotion's transaction: claim what has changed, load what is known, decide, write it down.

Whatever fails while services are evaluated together, they are evaluated again in ever smaller parts, until what fails
stands alone: that service is set aside, and the others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.evaluation.decisions import (
    Decisions,
    DeploymentTransitioned,
    FailureFinalized,
    ServiceSnapshot,
)
from deploydb.domain.evaluation.evaluate import decide, open_flow
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.store import bulk
from deploydb.store.claims import MOST_ROWS, Claim, claim, settle
from deploydb.store.decision_writer import save
from deploydb.store.deployments import released_by_id
from deploydb.store.engine import Held, TimedOut, transact, translate_errors
from deploydb.store.environment_names import names_of
from deploydb.store.flows import match_early, open_flows
from deploydb.store.journal import Journal
from deploydb.store.outbox import first_due
from deploydb.store.promotion_requests import settle_promotion_requests
from deploydb.store.revision import advance
from deploydb.store.set_aside import set_aside, take_back
from deploydb.store.snapshot import snapshots
from deploydb.store.tables import deployment, evaluation_request, service_schedule
from deploydb.tracing import NO_TRACER, Span, Tracer

EndOutcome = Literal["succeeded", "failed", "skipped"]


class Ended(Struct, frozen=True, kw_only=True):
    """A deployment that has ended: every gate has passed, its failure's strategy was followed, or it is skipped."""

    service: str
    environment: str
    outcome: EndOutcome


class Evaluated(Struct, frozen=True, kw_only=True):
    """One round's work. `more`: there is, or another worker has, more to do now. `broken`: the services whose
    evaluation failed, with the error. `untaken`: the services that another session has locked. `spans`: those of
    the decisions, to be ended now."""

    services: int = 0
    flows: int = 0
    commands: int = 0
    more: bool = False
    broken: tuple[tuple[str, Exception], ...] = ()
    untaken: frozenset[str] = frozenset()
    ended: tuple[Ended, ...] = ()
    spans: tuple[Span, ...] = ()


class _Made(Struct, frozen=True, kw_only=True):
    """What was decided and written. `evaluated`: of these services; `left`: these are to be looked at again at once."""

    evaluated: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    errors: dict[str, Exception] = {}
    flows: int = 0
    commands: int = 0
    decisions: bool = False
    again: bool = False
    ended: tuple[Ended, ...] = ()
    spans: tuple[Span, ...] = ()

    def __add__(self, other: "_Made") -> "_Made":
        return _Made(
            evaluated=self.evaluated | other.evaluated,
            left=self.left | other.left,
            errors=self.errors | other.errors,
            flows=self.flows + other.flows,
            commands=self.commands + other.commands,
            decisions=self.decisions or other.decisions,
            again=self.again or other.again,
            ended=self.ended + other.ended,
            spans=self.spans + other.spans,
        )


_Work = Callable[[Sequence[str]], _Made]


def evaluate(
    engine: sa.Engine,
    catalog: Catalog,
    now: datetime,
    *,
    limit: int = 500,
    apart: bool = False,
    tracer: Tracer = NO_TRACER,
) -> Evaluated:
    """Evaluate the services that have changed or are due, at most `limit` marks and `limit` due services at a time.

    One transaction: after a crash nothing or all of it has happened. Marks of a service that another worker has at
    the moment are left for the next round. With `apart`, as where evaluating all of them together failed: services
    that fail are found, and those with a row that another session has locked are left, too.

    Raises: Transient, Misconfigured as `engine.transact`.
    """
    if not apart:
        try:
            return transact(engine, lambda connection: _evaluate(connection, catalog, now, limit, tracer, apart=False))
        except (Held, TimedOut):
            pass
        except (Transient, Misconfigured):
            raise
        except Exception:  # noqa: S110  # it happens again below, and is reported there
            pass
    return transact(engine, lambda connection: _evaluate(connection, catalog, now, limit, tracer, apart=True))


def next_due(engine: sa.Engine) -> datetime | None:
    """When time alone may change something next, in the past too; None for never. Index: `ix_service_schedule_due`."""
    return first_due(engine, service_schedule.c.due_at, service_schedule.c.due_at.is_not(None))


def mark_open(engine: sa.Engine, now: datetime, catalog: Catalog | None = None) -> int:
    """Mark every service that has open deployments, for a catalog that has changed, and those that it gives other
    stages. How many there are."""

    def work(connection: sa.Connection) -> int:
        services = services_in_flight(connection, catalog)
        batch = [{"service": service, "created_at": now} for service in services]
        bulk.insert_rows(connection, evaluation_request, batch)
        return len(batch)

    return transact(engine, work)


def services_in_flight(connection: sa.Connection, catalog: Catalog | None = None) -> list[str]:
    """The services that have open deployments, and those that were evaluated by other stages than the catalog's.

    Index: `ix_deployment_needs_evaluation`.
    """
    opened = sa.select(deployment.c.service).where(deployment.c.needs_evaluation).distinct()
    services = set(connection.execute(opened).scalars())
    if catalog is not None:
        catalog = under(catalog, names_of(connection))
        evaluated = connection.execute(sa.select(service_schedule.c.service, service_schedule.c.stages))
        services |= {row.service for row in evaluated if row.stages != catalog.stages_digest(row.service)}
    return sorted(services)


def _evaluate(
    connection: sa.Connection, catalog: Catalog, now: datetime, limit: int, tracer: Tracer, *, apart: bool
) -> Evaluated:
    catalog = under(catalog, names_of(connection))
    claimed = claim(connection, catalog, now, limit)

    def work(services: Sequence[str]) -> _Made:
        return _work(connection, catalog, claimed, services, now, tracer, wait=not apart)

    well = sorted(claimed.services - claimed.trying)
    made = _Made()
    if well:
        made = _apart(connection, well, work) if apart else work(well)
    for service in sorted(claimed.trying):
        made += _apart(connection, [service], work)
    set_aside(connection, made.errors, claimed.aside, now, catalog.digest)
    take_back(connection, claimed.trying - made.errors.keys() - made.left)
    settle(connection, catalog, claimed, made.evaluated, now)
    left = [{"service": service, "created_at": now} for service in sorted(made.left)]
    bulk.insert_rows(connection, evaluation_request, left)
    if made.flows or made.decisions or made.errors or claimed.aside:
        advance(connection)
    held = made.left if apart else frozenset()
    return Evaluated(
        services=len(made.evaluated),
        flows=made.flows,
        commands=made.commands,
        more=claimed.more or made.again or bool(claimed.untaken or made.left),
        broken=tuple(sorted(made.errors.items(), key=lambda item: item[0])),
        untaken=claimed.untaken | held,
        ended=made.ended,
        spans=made.spans,
    )


def _apart(connection: sa.Connection, services: Sequence[str], work: _Work) -> _Made:
    """The work on the services, all of them or each half for itself, down to the one that fails."""
    try:
        with translate_errors(), connection.begin_nested():
            return work(services)
    except Exception as error:  # whatever it is, it is that service's alone
        if isinstance(error, Transient | Misconfigured) and not isinstance(error, TimedOut):
            raise
        if len(services) == 1:
            return _Made(errors={services[0]: error})
    half = len(services) // 2
    return _apart(connection, services[:half], work) + _apart(connection, services[half:], work)


def _work(
    connection: sa.Connection,
    catalog: Catalog,
    claimed: Claim,
    services: Sequence[str],
    now: datetime,
    tracer: Tracer,
    *,
    wait: bool,
) -> _Made:
    """Open the flows of the services, decide and write it down. A failure in deciding on one of them is reported."""
    journal = Journal(now, catalog.digest)
    asked = [(service, one.id) for service in services for one in claimed.releases.get(service, ())]
    releases = released_by_id(connection, {ident for _, ident in asked})
    openings = [open_flow(catalog, service, releases[ident]) for service, ident in asked]
    flows = open_flows(connection, openings, journal, now, catalog.notification_types)
    match_early(connection, services, journal, now, lambda _: catalog.notification_types)
    restaged = claimed.restaged.intersection(services)
    found = snapshots(connection, services, catalog, now, most=MOST_ROWS, wait=wait, restaged=restaged)
    made, errors = _decide(catalog, found, now)
    before = (known for situation in found for known in situation.deployments)
    saved = save(connection, made, before, journal, now, catalog, tracer)
    journal.write(connection)
    settle_promotion_requests(connection, claimed.promoted.intersection(services), now)
    return _Made(
        evaluated=frozenset(services),
        left=frozenset(services) - {situation.service for situation in found},
        errors=errors,
        flows=flows,
        commands=saved.commands,
        decisions=any(one.decisions or one.explained for one in made),
        again=any(one.again for one in made),
        ended=tuple(_ended(made)),
        spans=tuple(saved.spans),
    )


def _ended(made: Sequence[Decisions]) -> Iterator[Ended]:
    for decision in (decision for one in made for decision in one.decisions):
        match decision:
            case DeploymentTransitioned(what="succeeded" | "skipped" as outcome, deployment=deployment):
                yield Ended(service=deployment.service, environment=deployment.environment, outcome=outcome)
            case FailureFinalized(deployment=deployment):
                yield Ended(service=deployment.service, environment=deployment.environment, outcome="failed")
            case _:
                pass


def _decide(
    catalog: Catalog, found: Sequence[ServiceSnapshot], now: datetime
) -> tuple[list[Decisions], dict[str, Exception]]:
    """The decisions on each service, and the errors: one that fails is left as it is, and stops no other."""
    made: list[Decisions] = []
    errors: dict[str, Exception] = {}
    for situation in found:
        try:
            made.append(decide(catalog, situation, now))
        except Exception as error:  # whatever it is, it is that service's alone
            errors[situation.service] = error
    return made, errors
