"""Every answer says the same of a version in an environment, whatever has happened."""

import os
import shutil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as Configured
from deploydb.store.tables import current_version, deployment
from tests.query.answers import answers, verdict
from tests.query.client import Service
from tests.scenario import Scenario, catalog

EXAMPLES = int(os.environ.get("DEPLOYDB_EXAMPLES", "20"))
STAGES = (
    Stage(environment="dev"),
    Stage(environment="staging", after=After(environments=("dev",))),
    Stage(environment="prod", after=After(environments=("staging",))),
)
ENVIRONMENTS = tuple(stage.environment for stage in STAGES)
VERSIONS = ("1.0", "1.1", "1.2", "1.3")

Step = tuple[str, dict[str, Any]]
Fields = dict[str, st.SearchStrategy[Any]]
SERVICE: Fields = {"service": st.just("foo")}
ENVIRONMENT: Fields = {"environment": st.sampled_from(ENVIRONMENTS)}
VERSION: Fields = {"version": st.sampled_from(VERSIONS)}
LANE = SERVICE | ENVIRONMENT | VERSION
ORDER: Fields = {"by": st.just("alice"), "reason": st.just("x")}
SKIP: Fields = {"skip": st.lists(st.sampled_from(ENVIRONMENTS[:-1]), max_size=2, unique=True)}
HOLDS: tuple[tuple[str, Fields], ...] = (
    ("freeze", ENVIRONMENT),
    ("pause", SERVICE),
    ("pin", LANE),
    ("veto", LANE),
    ("veto", SERVICE | VERSION),
)


def step(*names: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """One of these, and its fields."""
    return st.tuples(st.sampled_from(names), st.fixed_dictionaries(fields))


STEPS = st.one_of(
    step("publish"),
    step("release"),
    step("deploy", outcome=st.sampled_from(["succeeded", "succeeded", "failed"])),
    step("verify", outcome=st.sampled_from(["passed", "passed", "failed"])),
    *(step("hold.placed", "hold.lifted", kind=st.just(kind), **scope, **ORDER) for kind, scope in HOLDS),
    step("retry.requested", **LANE, **ORDER),
    step("promotion.requested", **LANE, **ORDER, **SKIP),
    step("hotfix.declared", **SERVICE, **VERSION, **ORDER, **SKIP),
    step("rollback.requested", **SERVICE, **ENVIRONMENT, **ORDER),
    step("rollback.requested", **LANE, **ORDER),
)
HISTORIES = st.lists(STEPS, min_size=5, max_size=25)


def live(world: Scenario, history: list[Step]) -> None:
    """Take the steps, a minute each, after one release; an order for a version that is still to come is left out."""
    coming = list(VERSIONS)
    for what, fields in [("release", {}), *history]:
        match what:
            case "publish" | "release" if coming:
                world.publish(coming.pop(0))
            case "deploy":
                world.deploy(**fields)
            case "verify":
                verify(world, **fields)
            case "publish" | "release":
                pass
            case _ if fields.get("version") not in coming:
                world.tell(what, **fields)
        world.evaluate(minutes=1)
        for _ in ENVIRONMENTS if what == "release" else ():
            world.deploy()
            verify(world, "passed")
            world.evaluate(minutes=1)


def verify(world: Scenario, outcome: str) -> None:
    """The job reports on each deployment that is being verified."""
    for row in world.rows(deployment):
        if row.status == "COMPLETED":
            world.tell("verification.finished", deployment=row.id, promotion="smoke", outcome=outcome)


def last_attempts(world: Scenario) -> dict[tuple[str, str], Any]:
    """By environment and version the row of the last attempt."""
    return {(row.environment, row.version): row for row in world.rows(deployment)}


def listed(world: Scenario) -> set[int]:
    """The deployments that the matrix has: what runs, and what is open and has begun, or is the newest to begin."""
    rows = [row for row in world.rows(deployment) if row.needs_evaluation and row.status != "SKIPPED"]
    line = [row for row in rows if row.status == "NOT_STARTED" and row.kind != "rollback"]
    newest = {row.environment: row for row in sorted(line, key=lambda row: (row.version, row.id))}
    behind = {row.id for row in line} - {row.id for row in newest.values()}
    return {row.deployment_id for row in world.rows(current_version)} | {row.id for row in rows} - behind


def test_all_answers_agree_in_any_situation(sqlite_url: str, tmp_path: Path) -> None:
    empty = Path(sqlite_url.removeprefix("sqlite:///"))

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.sampled_from(["stop", "rollback"]), HISTORIES)
    def check(strategy: str, history: list[Step]) -> None:
        foo = Configured(
            ident="foo",
            artifacts=("com.example:foo",),
            pipelines=("main",),
            promotions=("smoke",),
            failure_strategy=strategy,
        )
        path = shutil.copy(empty, tmp_path / "example.db")
        with Scenario(f"sqlite:///{path}", catalog(foo, stages=STAGES)) as world, Service(world) as service:
            live(world, history)
            expected = listed(world)
            for (environment, version), row in last_attempts(world).items():
                found = answers(service, environment, version)
                seen = {name: (body["deployment"], verdict(body)) for name, body in found.items()}
                assert len(set(seen.values())) == 1, (environment, version, seen)
                assert seen["why"][0] == row.id
                assert "flow" in seen or row.kind == "rollback"
                assert "status" in seen or row.id not in expected, (environment, version, seen)

    check()
