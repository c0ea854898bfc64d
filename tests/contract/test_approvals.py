"""People's own words: stored as they were written, whatever separators are in them, and shown in one line."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.domain.formatting import without_breaks
from deploydb.domain.model.catalog import Service
from deploydb.domain.model.outcome_reasons import AttemptFailed
from deploydb.domain.model.rollback_reasons import RollingBack
from deploydb.domain.wording import text
from deploydb.query.as_of import then
from deploydb.store.queries.deployments import deployments_of_flow
from deploydb.store.tables import deployment
from tests.scenario import Scenario, catalog

SEPARATORS = (
    "; it waits: ",
    "; ",
    ": ",
    ", ",
    " by ",
    " (until ",
    "waits for ",
    "skipped: ",
    "rollback from ",
    "attempt 2; ",
    "; it finished later",
    "; overridden by ",
    "; rolled back to 1.0",
    "the freeze is over",
    "\n",
    "\t",
    "\N{RIGHT-TO-LEFT OVERRIDE}\x1b[2J",
)
"""Each that the code puts between its own words, or begins or ends them with, and what a terminal minds."""

FOO = Service(
    ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",), failure_strategy="rollback"
)
FREEZE = {"kind": "freeze", "service": "foo", "environment": "prod", "by": "alice"}


@pytest.fixture(params=("; it waits: ", "waits for ", "skipped: ", "rollback from "), ids=repr)
def words(request: pytest.FixtureRequest) -> str:
    """A reason with every separator in it, one of them at its beginning and one at its end."""
    first = SEPARATORS.index(request.param)
    return "the disk".join((*SEPARATORS[first:], *SEPARATORS[:first]))


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """1.0 and 2.0 went through dev and prod, with success."""
    with Scenario(database_url, catalog(FOO)) as world:
        for version in ("1.0", "2.0"):
            world.publish(version)
            world.evaluate(minutes=1)
            for environment in ("dev", "prod"):
                world.deploy()
                verified(world, environment, version)
        yield world


def verified(world: Scenario, environment: str, version: str) -> None:
    lane = {"service": "foo", "environment": environment, "version": version}
    world.tell("verification.finished", **lane, promotion="smoke", outcome="passed")
    world.evaluate(minutes=1)


def test_of_a_rollback_that_had_to_wait(world: Scenario, words: str) -> None:
    world.tell("hold.placed", **FREEZE, reason=words)
    world.tell("rollback.requested", service="foo", environment="prod", by="bob", reason=words)
    for _ in range(3):
        world.evaluate(minutes=1)
    why = without_breaks(f"rollback from 2.0, by bob: {words}; 1.0 succeeded there")
    (waiting,) = (row for row in world.rows(deployment) if row.kind == "rollback")
    assert text(waiting.status_reason).startswith(why)
    assert text(waiting.status_reason).endswith(without_breaks(f"; it waits: prod is frozen for foo by alice: {words}"))
    world.tell("hold.lifted", **FREEZE)
    world.evaluate(minutes=1)
    (command,) = world.commands()
    assert (command.artifact.version, command.type) == ("1.0", "rollback")
    assert command.reason.startswith(why)
    assert "is frozen" not in command.reason


def test_of_a_failure_that_is_rolled_back_and_looked_at_later(world: Scenario, words: str) -> None:
    world.publish("3.0")
    world.evaluate(minutes=1)
    world.deploy()
    verified(world, "dev", "3.0")
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="failed", reason=words)
    world.tell("hold.placed", **FREEZE)
    for _ in range(3):
        world.evaluate(minutes=1)
    then_ = world.now
    world.tell("hold.lifted", **FREEZE)
    world.evaluate(minutes=1)
    (back,) = [command for command in world.commands() if command.type == "rollback"]
    assert back.reason.startswith(without_breaks(f"rollback from 3.0: {words}; 2.0 succeeded there"))
    with world.engine.connect() as connection:
        number = next(row.flow_id for row in world.rows(deployment) if row.version == "3.0")
        (failed,) = [
            one
            for one in then(connection, deployments_of_flow(connection, world.catalog, number), then_)[0]
            if one.environment == "prod"
        ]
    assert (failed.status_reason, failed.failure_response_detail) == (
        AttemptFailed(text=words),
        RollingBack(version="2.0"),
    )


def test_of_a_hold_and_of_a_hotfix(world: Scenario, words: str) -> None:
    world.tell("hold.placed", kind="pause", service="foo", by="alice", reason=words)
    world.publish("3.0")
    world.evaluate(minutes=1)
    assert reason(world, "dev", "3.0") == without_breaks(f"foo is paused by alice: {words}")
    world.tell("hold.lifted", kind="pause", service="foo", by="alice")
    world.tell("hotfix.declared", service="foo", version="3.0", by="bob", reason=words)
    world.evaluate(minutes=1)
    (command,) = world.commands()
    assert without_breaks(f"; a hotfix, by bob: {words}") in command.reason


def test_of_a_refusal_and_of_an_approval_past_a_freeze(database_url: str, words: str) -> None:
    known = catalog(entry={"dev": ("manual",)}, freeze_overriders=("sre",), groups={"sre": frozenset({"carol"})})
    with Scenario(database_url, known) as world:
        lane = {"service": "foo", "environment": "dev", "version": "1.0"}
        world.publish("1.0")
        world.tell("approval.refused", **lane, promotion="manual", by="bob", comment=words)
        world.evaluate(minutes=1)
        assert reason(world, "dev", "1.0") == without_breaks(f"manual refused by bob: {words}")
        world.tell("hold.placed", **FREEZE | {"environment": "dev"}, reason=words)
        world.now += timedelta(minutes=1)
        world.tell("approval.given", **lane, promotion="manual", by="bob")
        world.tell("approval.given", **lane, promotion="freeze", by="carol", comment=words)
        world.evaluate(minutes=1)
        (command,) = world.commands()
        assert (
            without_breaks(f"dev is frozen for foo by alice: {words}; overridden by carol: {words}") in command.reason
        )


def reason(world: Scenario, environment: str, version: str) -> str:
    where = sa.and_(deployment.c.environment == environment, deployment.c.version == version)
    with world.engine.connect() as connection:
        found = sa.select(deployment.c.status_reason).where(where).order_by(deployment.c.id.desc())
        return text(connection.scalars(found).first())
