"""`webhook`: calls are listed with their problems, and made again."""

from datetime import UTC, datetime, timedelta

import pytest

from deploydb.domain.webhook_attempts import Attempt
from deploydb.store.engine import open_engine
from deploydb.store.webhook_deliveries import EndpointLease, NewDelivery, add, lease, next_due, oldest, settle
from tests.cli.shell import Shell

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def called(shell: Shell, sqlite_url: str) -> Shell:
    """Beside a database with a call that was delivered, one that is dead and one that is open."""
    shell.environment["DEPLOYDB_DATABASE_URL"] = sqlite_url
    engine = open_engine(sqlite_url, name="tests")
    calls = [
        NewDelivery(
            endpoint="https://me:secret@ci.test/hook",
            notification=f"n{number}",
            type="deployment.requested",
            service="foo",
            environment="dev",
            deployment=number,
            headers={"content-type": "application/json"},
            body=f'{{"id":{number}}}',
        )
        for number in (1, 2, 3)
    ]
    assert add(engine, calls, NOW) == 3
    assert add(engine, calls, NOW) == 0
    (leased,) = lease(engine, NOW, limit=9, duration=timedelta(minutes=1))
    first, second, _ = oldest(engine, leased, limit=9)
    left = settle(engine, leased, first, Attempt(status=200), NOW, leased.until)
    assert isinstance(left, EndpointLease)
    settle(
        engine, left, second, Attempt(status=500, problem="answered 500", again_at=NOW, dead=True), NOW, leased.until
    )
    engine.dispose()
    return shell


def test_calls_are_listed_with_their_state_and_problem(called: Shell) -> None:
    listed = called.json("webhook", "list")
    assert [(one["id"], one["state"], one["attempts"], one["problem"]) for one in listed] == [
        (3, "open", 0, None),
        (2, "dead", 1, "answered 500"),
        (1, "delivered", 1, None),
    ]
    table = called.ok("webhook", "list", "--state", "dead").stdout
    assert "answered 500" in table
    assert "secret" not in table
    shown = called.ok("webhook", "show", "2")
    assert shown.stdout == '{"id":2}\n'
    assert "dead, 1 attempts, POST https://" in shown.stderr
    assert "there is no call 9" in called.fails("webhook", "show", "9")


def test_a_dead_call_is_made_again(called: Shell) -> None:
    assert called.ok("webhook", "replay", "2").stderr == "2 is called again\n"
    assert "2 is open already" in called.ok("webhook", "replay", "2").stderr
    assert called.ok("webhook", "replay", "--dead").stderr == "No dead calls.\n"
    engine = open_engine(called.environment["DEPLOYDB_DATABASE_URL"], name="tests")
    assert next_due(engine) is not None
    later = datetime.now(UTC) + timedelta(minutes=1)
    (leased,) = lease(engine, later, limit=9, duration=timedelta(minutes=1))
    assert [(one.id, one.attempts) for one in oldest(engine, leased, limit=9)] == [(2, 0), (3, 0)]
    engine.dispose()
    assert called.ok("webhook", "replay", "1").stderr == "1 is called again\n"
    assert "there is no call 9" in called.fails("webhook", "replay", "9")
    assert "give one ID, or --dead" in called.fails("webhook", "replay", code=2)
