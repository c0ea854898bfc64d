"""The indexes that the queries' docstrings name are the ones that PostgreSQL answers them by."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from deploydb.domain.model.artifact import Artifact, module_key
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Release
from deploydb.query.views import views
from deploydb.store.engine import reading
from deploydb.store.ingest_watermark import read_until
from deploydb.store.queries import (
    artifact_places,
    artifacts,
    as_of,
    blame,
    changes,
    deployments,
    diff,
    dora,
    events,
    existence,
    flows,
    holds,
    lane_summary,
    lanes,
    live_intervals,
    open_gates,
    operations,
    plan,
    unmatched,
    why,
)
from deploydb.store.snapshot import snapshots
from tests.history import fill
from tests.query.client import Service
from tests.query.routes import addresses
from tests.scenario import NOON, Scenario, catalog

ALL = events.Filter()
RELEASE = Release(
    id=1,
    artifact=Artifact(group="com.example", name="foo", version="1.0"),
    published_at=NOON,
    published_by="ci",
)
OF_LANE = events.Filter(service="foo", environment="dev")

SPAN = diff.Span(group="com.example", name="foo", after=NOON, until=NOON)

MOST_PAGES = 2_000
"""An answer of some hundred rows, each found by an index. The log alone has fifty thousand."""

_WHOLE = {"ingest_watermark", "revision", "dead_letter_queue"}
"""A handful of rows, whatever is stored: they are read as a whole."""

_READ_WHOLE = {"/api/inbox": {"current_version"}, "/api/search": {"current_version"}}
"""Drift is looked for in each lane, the beginning of a version among what runs: the table has a row a lane, whatever
has been deployed."""

Ask = Callable[[sa.Connection], Any]


QUERIES: list[tuple[Ask, set[str]]] = [
    (lambda c: artifacts.artifact_by_id(c, 1), {"pk_artifact"}),
    (
        lambda c: artifacts.artifacts_of_module(c, "com.example", "foo", offset=0, limit=20),
        {"ix_artifact_module"},
    ),
    (lambda c: artifacts.latest_of_module(c, "com.example", "foo"), {"ix_artifact_module"}),
    (lambda c: deployments.deployment_by_id(c, 1), {"pk_deployment", "uq_verdict_deployment_id_promotion"}),
    (lambda c: deployments.deployments_page(c, offset=0, limit=20), {"pk_deployment"}),
    (lambda c: diff.releases_deployed(c, [1]), {"pk_artifact", "pk_deployment"}),
    (lambda c: artifacts.count_of_module(c, "com.example", "foo"), {"ix_artifact_module"}),
    (deployments.latest_deployment, {"pk_deployment"}),
    (lambda c: deployments.deployments_of_artifact(c, 1, offset=0, limit=20), {"ix_deployment_artifact"}),
    (lambda c: deployments.deployments_of_flow(c, Catalog(), 1), {"uq_deployment_flow_id_environment_attempt"}),
    (lambda c: flows.flow_by_id(c, Catalog(), 1), {"pk_flow"}),
    (lambda c: lanes.running_in(c, "foo", "dev"), {"pk_current_version"}),
    (lambda c: lane_summary.live_lanes(c, ["foo"]), {"pk_current_version"}),
    (lambda c: lanes.pending_in(c, "foo", "dev"), set()),
    (lambda c: existence.service_is_stored(c, "foo"), set()),
    (lambda c: existence.lane_is_stored(c, "foo", "dev"), {"ix_deployment_lane"}),
    (lambda c: deployments.history(c, "foo", offset=0, limit=20), {"ix_deployment_history"}),
    (lambda c: deployments.history(c, "foo", "dev", offset=0, limit=20), set()),
    (
        lambda c: snapshots(c, ["foo"], catalog(), NOON, lock=False),
        {"ix_deployment_needs_evaluation", "uq_deployment_flow_id_environment_attempt"},
    ),
    (lambda c: why.deployment_of_version(c, "foo", "dev", "1.0"), {"ix_deployment_lane"}),
    (
        lambda c: why.newest_of_module(c, "foo", "dev", "com.example", "foo", limit=1),
        {"ix_artifact_module"},
    ),
    (lambda c: holds.holds_at(c, NOON, "foo"), set()),
    (lambda c: as_of.decisions_until(c, "foo", "dev", [1], NOON), {"ix_event_lane"}),
    (lambda c: as_of.catalogs_of(c, "foo", "dev", 1), {"ix_event_lane"}),
    (lambda c: as_of.deployments_then(c, "foo", "dev", NOON, version="1.0"), {"ix_deployment_lane"}),
    (lambda c: as_of.ran_at(c, "foo", "dev", "com.example", "foo", NOON), {"ix_event_lane"}),
    (lambda c: as_of.known_then(c, [1], NOON), {"pk_deployment"}),
    (lambda c: plan.deployments_took(c, "foo", "dev"), {"ix_deployment_succeeded"}),
    (lambda c: events.stored_keys(c, [("ci", "1"), ("ci", "2")]), {"uq_event_source"}),
    (lambda c: plan.exit_gates_took(c, "foo", "dev"), {"ix_deployment_succeeded"}),
    (lambda c: plan.entry_gates_took(c, "foo", "prod", ["dev"]), {"ix_deployment_succeeded"}),
    (lambda c: live_intervals.came_after(c, "foo", "dev", RELEASE, 1, limit=50), set()),
    (lambda c: why.last_to_run(c, "foo", "dev"), {"pk_current_version"}),
    (lambda c: why.version_is_stored(c, [("com.example", "foo")], "1.0"), set()),
    (lambda c: artifact_places.by_commit(c, "4f9c1d2"), {"ix_artifact_commit"}),
    (lambda c: artifact_places.by_digest(c, "sha256:00"), {"ix_artifact_digest"}),
    (lambda c: artifact_places.by_purl(c, "pkg:maven/x/y@1"), {"ix_artifact_purl"}),
    (lambda c: artifact_places.by_version(c, [("com.example", "foo")], "1.0"), set()),
    (lambda c: artifact_places.places(c, [1]), {"ix_deployment_artifact"}),
    (lambda c: diff.published_between(c, [SPAN]), {"ix_artifact_module"}),
    (lambda c: blame.changes_between(c, NOON, NOON, service=None, environment=None), {"pk_event"}),
    (lambda c: blame.ran_before(c, [1]), {"ix_live_interval_lane"}),
    (lambda c: dora.runs_since(c, NOON, ["prod"], None), {"ix_live_interval_environment"}),
    (lambda c: dora.troubles_between(c, NOON, NOON, ["prod"], None), {"ix_event_rare"}),
    (lambda c: dora.published_in(c, {"com.example:foo": (NOON, NOON)}), {"ix_artifact_module"}),
    (lambda c: live_intervals.running_now(c, "foo", "dev"), {"pk_current_version"}),
    (lambda c: live_intervals.ran_at(c, NOON, NOON, "foo", None), {"ix_live_interval_lane"}),
    (lambda c: live_intervals.newest_of_modules(c, [("com.example", "foo")]), {"ix_artifact_module"}),
    (lambda c: changes.numbers_above(c, 1), {"pk_event"}),
    (lambda c: events.events_before(c, None, ALL, limit=20), {"pk_event"}),
    (lambda c: events.events_before(c, 100, ALL, limit=20), {"pk_event"}),
    (lambda c: events.events_before(c, None, events.Filter(who="alice"), limit=20), {"ix_event_who"}),
    (lambda c: events.events_before(c, None, events.Filter(type="approval.given"), limit=20), {"ix_event_rare"}),
    (lambda c: events.events_before(c, None, events.Filter(since=NOON, until=NOON), limit=20), {"pk_event"}),
    (lambda c: deployments.words_on(c, [1]), {"pk_approval"}),
    (lambda c: deployments.refused_at_entry(c, [1]), {"uq_verdict_deployment_id_promotion_phase"}),
    (lambda c: live_intervals.live_durations(c, "foo", NOON, limit=60), {"ix_live_interval_lane"}),
    (lambda c: artifacts.release_by_id(c, 1), {"pk_artifact"}),
    (operations.unevaluated, {"pk_evaluation_request"}),
    (operations.unsent, {"ix_outbox_unsent"}),
    (lambda c: operations.returned(c, limit=50), {"ix_outbox_unsent"}),
    (lambda c: unmatched.recently_unmatched(c, Catalog()), {"pk_event"}),
    (lambda c: unmatched.unmatched_facts(c, limit=50), {"pk_event"}),
    (lambda c: unmatched.facts_near(c, [("foo", "dev", "1.0")], limit=50), {"pk_event"}),
    (lambda c: operations.due_next(c, limit=50), {"ix_service_schedule_due"}),
    (operations.last_event, {"pk_event"}),
    (lambda c: events.events_before(c, None, OF_LANE, limit=20), {"ix_event_lane"}),
    (open_gates.with_open_gates, {"ix_deployment_needs_evaluation"}),
    (lane_summary.live_lanes, {"pk_current_version"}),
    (lane_summary.waiting_gates, {"ix_deployment_needs_evaluation", "uq_verdict_deployment_id_promotion_phase"}),
    (lambda c: holds.holds_at(c, NOON), set()),
    (read_until, set()),
]
"""With the indexes that must be used; an empty set: several would do, and which is chosen follows from how much there
is."""


@pytest.fixture(scope="module")
def asked(shared_postgresql_url: str) -> Iterator[Scenario]:
    with Scenario(shared_postgresql_url) as world:
        for version in ("1.0", "1.1"):
            world.publish(version)
            world.evaluate(minutes=1)
            world.deploy()
        yield world


@pytest.mark.servers
@pytest.mark.parametrize(("ask", "indexes"), QUERIES)
def test_a_query_is_answered_by_its_index(asked: Scenario, ask: Ask, indexes: set[str]) -> None:
    plans = _plans(asked.engine, ask)
    assert plans
    assert not _scanned(plans)
    assert {index for index in indexes if any(index in plan for plan in plans)} == indexes, plans


@pytest.mark.servers
def test_every_view_is_answered_by_indexes(asked: Scenario) -> None:
    paths = [view.path for view in views()]
    with Service(asked) as service:
        for path, address in addresses(service.app):
            if path in paths:
                plans = _plans(asked.engine, lambda _, address=address: service.ask(address))
                assert plans, address
                assert _scanned(plans) <= _READ_WHOLE.get(path, set()), address


@pytest.mark.servers
def test_with_a_million_events_no_query_reads_more_than_its_answer(postgresql_url: str) -> None:
    ends_at = NOON + timedelta(days=1)
    fill(
        postgresql_url,
        ends_at=ends_at,
        services=1_000,
        events=1_000_000,
        environments=("dev", "test", "staging", "prod"),
    )
    with Scenario(postgresql_url) as world:
        with world.engine.begin() as connection:
            for statement in _CALL_IT_FOO:
                connection.exec_driver_sql(statement, {"key": module_key("com.example", "foo")})
        with reading(world.engine) as connection:
            read = {
                statement: _pages(connection, statement, parameters)
                for ask, _ in QUERIES
                for statement, parameters in _asked(world.engine, connection, ask)
            }
    too_much = {statement: pages for statement, pages in read.items() if pages > MOST_PAGES}
    assert not too_much, "\n\n".join(f"{pages} pages: {statement}" for statement, pages in too_much.items())
    assert len(read) > len(QUERIES) // 2


@pytest.mark.servers
def test_near_misses_are_looked_for_among_a_few_of_many_unmatched_facts(postgresql_url: str) -> None:
    with Scenario(postgresql_url) as world:
        lane = {"service": "foo", "environment": "Dev", "version": "1.0"}
        world.tell("verification.finished", **lane, promotion="smoke", outcome="passed")
        with world.engine.begin() as connection:
            for statement in _UNMATCHED:
                connection.exec_driver_sql(statement)

        def near(connection: sa.Connection) -> list[unmatched.UnmatchedView]:
            return unmatched.facts_near(connection, [("foo", "dev", "1.0")], limit=50)

        with reading(world.engine) as connection:
            ((statement, parameters),) = _asked(world.engine, connection, near)
            assert _pages(connection, statement, parameters) < MOST_PAGES
            assert [fact.environment for fact in near(connection) if fact.service == "foo"] == ["Dev"]


_UNMATCHED = (
    """INSERT INTO event (source, id, type, time, recorded_at, service, environment, body)
    SELECT source, 'e' || place, type, time, recorded_at, 's' || mod(place, 50), 'dev', body
    FROM event, generate_series(1, 20000) AS place""",
    """INSERT INTO unmatched_fact (event, service, environment, version, why)
    SELECT number, service, environment, '0.' || mod(number, 100), '' FROM event WHERE service <> 'foo'""",
    "ANALYZE",
)
"""Twenty thousand unmatched facts about other services."""


def _pages(connection: sa.Connection, statement: str, parameters: Any) -> int:
    """How many pages of 8 KiB it reads, from memory or not."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
    plan = connection.exec_driver_sql(explain, parameters).scalar_one()[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


_CALL_IT_FOO = (
    """UPDATE artifact SET name = 'foo', module_key = %(key)s WHERE name = 's1'""",
    """UPDATE current_version SET service = 'foo', module = 'com.example:foo', module_key = %(key)s WHERE service =
    's1'""",
    """UPDATE live_interval SET service = 'foo', module_key = %(key)s WHERE service = 's1'""",
    """UPDATE deployment SET service = 'foo' WHERE service = 's1'""",
    """UPDATE flow SET service = 'foo' WHERE service = 's1'""",
    """UPDATE event SET service = 'foo' WHERE service = 's1'""",
    "ANALYZE",
)
"""The service that the queries ask about."""


def _scanned(plans: list[str]) -> set[str]:
    """The tables that are read as a whole, and may have many rows."""
    return set(re.findall(r"Seq Scan on (\w+)", "\n".join(plans))) - _WHOLE


def _plans(engine: sa.Engine, ask: Ask) -> list[str]:
    """The plan of each statement, where a whole table is read only if there is no other way."""
    with reading(engine) as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        return [
            "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
            for statement, parameters in _asked(engine, connection, ask)
        ]


def _asked(engine: sa.Engine, connection: sa.Connection, ask: Ask) -> list[tuple[str, Any]]:
    """The statements that it asks."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        ask(connection)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return asked
