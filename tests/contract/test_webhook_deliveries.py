"""Deliveries of webhooks: an endpoint is one worker's at a time, and what is added meanwhile is not forgotten."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from deploydb.domain.webhook_attempts import Attempt
from deploydb.store.engine import open_engine, reading
from deploydb.store.tables import webhook_delivery
from deploydb.store.webhook_deliveries import (
    DEAD_KEPT,
    KEPT,
    NewDelivery,
    add,
    backlog,
    lease,
    next_due,
    oldest,
    prune,
    release,
    settle,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    made = open_engine(database_url, name="tests")
    yield made
    made.dispose()


def call(number: int) -> NewDelivery:
    lane = {"service": "foo", "environment": "dev", "deployment": number}
    return NewDelivery(
        endpoint="webhook/x", notification=f"n{number}", type="deployment.failed", headers={}, body="{}", **lane
    )


def test_what_is_added_while_an_endpoint_is_leased_is_seen_when_it_is_given_back(engine: sa.Engine) -> None:
    add(engine, [call(1)], NOW)
    (leased,) = lease(engine, NOW, limit=9, duration=timedelta(minutes=1))
    assert lease(engine, NOW, limit=9, duration=timedelta(minutes=1)) == []
    (first,) = oldest(engine, leased, limit=9)
    left = settle(engine, leased, first, Attempt(status=200), NOW, LATER)
    assert left is not None
    add(engine, [call(2)], NOW)
    kept = release(engine, left, NOW, LATER + timedelta(minutes=1))
    assert kept is not None
    (second,) = oldest(engine, kept, limit=9)
    done = settle(engine, kept, second, Attempt(status=200), NOW, LATER)
    assert done is not None
    assert release(engine, done, NOW, LATER) is None
    assert next_due(engine) is None
    add(engine, [call(3)], LATER)
    assert next_due(engine) == LATER


def test_a_lease_that_another_worker_has_taken_over_changes_the_endpoint_no_more(engine: sa.Engine) -> None:
    add(engine, [call(1), call(2)], NOW)
    (old,) = lease(engine, NOW, limit=9, duration=timedelta(seconds=1))
    (new,) = lease(engine, LATER, limit=9, duration=timedelta(minutes=1))
    first, _ = oldest(engine, old, limit=9)
    assert settle(engine, old, first, Attempt(status=200), LATER, LATER) is None
    assert release(engine, old, LATER) is None
    assert next_due(engine) == new.until
    assert [one.notification for one in oldest(engine, new, limit=9)] == ["n2"]


def test_what_waits_for_longer_than_a_day_is_given_up_together(engine: sa.Engine) -> None:
    add(engine, [call(1), call(2)], NOW)
    add(engine, [call(3)], LATER)
    (leased,) = lease(engine, LATER, limit=9, duration=timedelta(minutes=1))
    first, *_ = oldest(engine, leased, limit=9)
    attempt = Attempt(problem="connection refused", again_at=LATER, dead=True, dead_before=NOW)
    assert settle(engine, leased, first, attempt, LATER, LATER) is None
    found = backlog(engine)
    assert (found.dead, found.count, found.failing) == (2, 1, {"webhook/x": (1, "connection refused")})


@pytest.mark.parametrize("dead", [False, True])
def test_what_says_nothing_of_an_endpoint_leaves_its_failures_and_its_lease(engine: sa.Engine, dead: bool) -> None:
    add(engine, [call(1), call(2)], NOW)
    (leased,) = lease(engine, NOW, limit=9, duration=timedelta(minutes=1))
    first, _ = oldest(engine, leased, limit=9)
    settle(engine, leased, first, Attempt(problem="no answer", again_at=NOW), NOW, LATER)
    (again,) = lease(engine, NOW, limit=9, duration=timedelta(minutes=1))
    left = settle(engine, again, first, Attempt(problem="not this one", dead=dead), NOW, LATER)
    assert left is not None
    assert left.failures == 1
    assert [one.notification for one in oldest(engine, left, limit=9)] == ["n2"]
    found = backlog(engine)
    assert (found.dead, found.failing) == (int(dead), {"webhook/x": (1, "no answer")})


def test_what_was_given_up_is_kept_longer_than_what_was_delivered(engine: sa.Engine) -> None:
    add(engine, [call(1), call(2), call(3)], NOW)
    (leased,) = lease(engine, NOW, limit=9, duration=timedelta(minutes=1))
    first, second, third = oldest(engine, leased, limit=9)
    left = settle(engine, leased, first, Attempt(status=200), NOW, LATER)
    assert left is not None
    settle(engine, left, second, Attempt(status=400, problem="no", dead=True, again_at=LATER), NOW, LATER)
    prune(engine, NOW + KEPT + timedelta(seconds=1))
    assert _left(engine) == [second.id, third.id]
    prune(engine, NOW + DEAD_KEPT)
    assert _left(engine) == [second.id, third.id]
    prune(engine, NOW + DEAD_KEPT + timedelta(seconds=1))
    assert _left(engine) == [third.id], "what is open is never removed"


def _left(engine: sa.Engine) -> list[int]:
    with reading(engine) as connection:
        return list(connection.execute(sa.select(webhook_delivery.c.id).order_by(webhook_delivery.c.id)).scalars())
