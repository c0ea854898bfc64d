"""What is open of the commands of tools."""

from datetime import UTC, datetime, timedelta

from deploydb.store.engine import open_engine
from deploydb.store.orchestrator_runs import FailingTool, TakenCommand, add, backlog, change, lease

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LEASE = timedelta(minutes=1)


def test_each_tool_that_fails_is_named_and_its_commands_are_counted(database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    commands = [("a", number) for number in range(120)] + [("b", number) for number in range(2)]
    named = [(f"{tool}-{number:03}", tool, number) for tool, number in commands]
    add(engine, [TakenCommand(command=c, orchestrator=t, deployment=n, body="{}") for c, t, n in named], NOW)
    for run in lease(engine, "a", NOW, limit=120, duration=LEASE):
        change(engine, run, NOW, due_at=NOW + LEASE, failures=3, problem="answered 503")
    for run in lease(engine, "b", NOW, limit=1, duration=LEASE):
        change(engine, run, NOW, due_at=NOW + LEASE, failures=4)
    found = backlog(engine, failing_from=3)
    engine.dispose()
    assert found.states == {"taken": 122}
    assert found.failing == [
        FailingTool(orchestrator="a", commands=120, command="a-000", failures=3, problem="answered 503"),
        FailingTool(orchestrator="b", commands=1, command="b-000", failures=4, problem=""),
    ]
