"""The entries of the inbox that are of no lane: workers, services, holds, queues, facts, webhooks, configuration."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.overrides import Hold
from deploydb.domain.wording import text
from deploydb.query.bodies import reason_body
from deploydb.query.command_queues import unconsumed_bodies
from deploydb.query.dead_letters import dead_text
from deploydb.query.failing_tools import FAILING_FROM, failing_text
from deploydb.query.inbox_entry import WHY, Act, Entry, act, look
from deploydb.query.incomplete import incomplete_texts
from deploydb.query.late_workers import LATE, reading_text, waiting_text
from deploydb.query.unmatched import unmatched_in, unmatched_text
from deploydb.redaction import shown_endpoint
from deploydb.store.command_queues import unconsumed
from deploydb.store.dead_letters import dead_letters
from deploydb.store.ingest_watermark import read_until
from deploydb.store.orchestrator_runs import failing_tools
from deploydb.store.queries.operations import unevaluated, unsent
from deploydb.store.queries.unmatched import recently_unmatched
from deploydb.store.queries.webhooks import dead_deliveries
from deploydb.store.set_aside import Aside

SOON = timedelta(days=1)
"""A hold that ends within this time is an entry."""
LONG = timedelta(days=7)
"""A hold that has stood for so long is one, too; a veto is not: it concerns one version."""
_MOST_PROBLEMS = 20


def of_workers(connection: sa.Connection, now: datetime) -> Iterator[Entry]:
    """The workers that are late: what they have still to do is not shown by any other entry."""
    looked = [act("look", "doctor")]
    for worker, what, waits in (("promote", "evaluations", unevaluated), ("relay", "messages", unsent)):
        found = waits(connection)
        if found.oldest_at is not None and now - found.oldest_at > LATE:
            message, since = waiting_text(found.count, now - found.oldest_at), found.oldest_at.isoformat()
            yield Entry(
                kind="workers", text=f"{worker} is late: {what}: {message}", since=since, count=found.count, acts=looked
            )
    read = read_until(connection)
    if read is not None and now - read.until > LATE:
        message = reading_text(read.until, now - read.until)
        yield Entry(kind="workers", text=f"ingest is late: it {message}", since=read.until.isoformat(), acts=looked)


def of_set_aside(asides: Sequence[Aside]) -> Iterator[Entry]:
    """The services whose evaluation failed."""
    for aside in asides:
        retried = [] if aside.parked is None else [act("retry", "resume", aside.service)]
        looked = act("look", "service describe", aside.service)
        first = aside.first_at.isoformat()
        yield Entry(kind="stuck", service=aside.service, text=aside.words, since=first, acts=[*retried, looked])


def of_holds(holds: Sequence[Hold], now: datetime) -> Iterator[Entry]:
    """Those that end soon, and those that have stood for long."""
    for hold in holds:
        ends_soon = hold.until is not None and hold.until <= now + SOON
        began = hold.begins or hold.at.time
        if not ends_soon and (hold.kind == "veto" or began > now - LONG):
            continue
        whole = hold.service is not None and hold.environment is not None
        yield Entry(
            kind="hold",
            service=hold.service,
            environment=hold.environment,
            version=hold.version,
            text=text(replace(hold.held, begins=None, until=None)),
            reason=reason_body(hold.held),
            since=began.isoformat(),
            until=hold.until.isoformat() if hold.until is not None else None,
            acts=[
                _lift(hold),
                look(hold.service or "", hold.environment or "") if whole else act("look", "holds"),
            ],
            hold=hold.hold,
            hold_kind=hold.kind,
        )


def of_commands(connection: sa.Connection, now: datetime) -> Iterator[Entry]:
    """The commands that no tool takes: queues without a consumer, and tools that fail."""
    looked = [act("look", "doctor")]
    for queue in unconsumed_bodies(unconsumed(connection, now)):
        yield Entry(kind="commands", text=queue.text, since=queue.since, count=queue.ready, acts=looked)
    for tool in failing_tools(connection, failing_from=FAILING_FROM):
        text_ = f"the tool of {tool.orchestrator}: {failing_text(tool)}"
        yield Entry(kind="commands", text=text_, count=tool.commands, acts=looked)


def of_messages(connection: sa.Connection, catalog: Catalog, now: datetime) -> Iterator[Entry]:
    """The dead letters, the facts that match nothing, and the calls of webhooks that were given up; an entry each."""
    letters = dead_letters(connection, now)
    if letters is not None:
        yield Entry(
            kind="dead",
            text=dead_text(letters),
            since=letters.since.isoformat(),
            count=letters.ready,
            acts=[act("look", "dead list"), act("replay", "dead replay --all")],
        )
    recent = recently_unmatched(connection, catalog)
    last = unmatched_in(connection, catalog, limit=1) if recent else []
    for one in last:
        yield Entry(
            kind="unmatched",
            text=unmatched_text(recent, one.type, one.source, one.why),
            since=one.recorded_at,
            count=recent,
            acts=[act("look", "unmatched")],
        )
    dead, deliveries = dead_deliveries(connection, limit=1)
    for call in deliveries:
        problem = f": {call.problem}" if call.problem else ""
        calls = "1 call was" if dead == 1 else f"{dead} calls were"
        yield Entry(
            kind="webhook",
            text=f"{calls} given up, the last to {shown_endpoint(call.endpoint)}{problem}",
            since=call.dead_at.isoformat(),
            count=dead,
            acts=[act("replay", "webhook replay --dead"), act("look", "webhook list")],
        )


def of_configuration(catalog: Catalog, problems: Sequence[str]) -> Iterator[Entry]:
    """What is wrong with the files, and the services that take no releases."""
    looked = [act("look", "check-config")]
    found = [*problems, *incomplete_texts(catalog)]
    for one in found[:_MOST_PROBLEMS]:
        yield Entry(kind="configuration", text=one, acts=looked)
    if len(found) > _MOST_PROBLEMS:
        rest = len(found) - _MOST_PROBLEMS
        yield Entry(kind="configuration", text=f"{rest} further problems", count=rest, acts=looked)


def _lift(hold: Hold) -> Act:
    service, environment, version = hold.service, hold.environment, hold.version
    options: dict[str, str | None] = {"hold": hold.hold, "reason": WHY}
    match hold.kind:
        case "pin":
            return act("lift", "unpin", service or "", environment or "", **options)
        case "veto":
            return act("lift", "unveto", service or "", version or "", environment=environment, **options)
        case "freeze":
            return act("lift", "thaw", *([environment] if environment else []), service=service, **options)
        case "pause":
            return act("lift", "resume", service or "", *([environment] if environment else []), **options)
