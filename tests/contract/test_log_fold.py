"""The log alone, facts and decision events, folds into exactly what the tables hold."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from msgspec import structs

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.catalog import After, Catalog, Environment, Retry, Service, Stage
from deploydb.store.catalog_listings import enter
from deploydb.store.tables import deployment
from tests.contract.folding import differences
from tests.contract.renames import configure, renamed
from tests.contract.test_any_order import FACTS, KNOWN, PEOPLE, VERSIONS, artifact
from tests.contract.test_catalog_changes import change
from tests.scenario import Scenario, catalog
from tests.servers import PostgreSQL

EXPLORED = os.environ.get("DEPLOYDB_EXAMPLES")
EXAMPLES = int(EXPLORED) * 2 // 5 if EXPLORED else 200
"""By `make explore` 20,000 of its 50,000: one on a database takes longer than one in memory."""
PARTS = 4
"""For as many processes."""
BRIEF = SoakPromotion(ident="brief", duration=timedelta(minutes=10))
GO = ManualPromotion(ident="go", groups=("sre",))
BAR = DependsOnPromotion(ident="bar", service="bar", environment="dev")
HOOK = WebhookPromotion(ident="hook", url="https://hook.example/{version}")


def made(strategy: str, retries: int, gates: Sequence[str], entry: Sequence[str], supersede: str) -> Catalog:
    """Two services on dev → test → prod."""
    stages = (
        Stage(environment="dev", supersede=supersede),
        Stage(environment="test", after=After(environments=("dev",)), promotions=("brief",)),
        Stage(environment="prod", after=After(environments=("test",))),
    )
    foo = Service(
        ident="foo",
        artifacts=("com.example:foo",),
        pipelines=("main",),
        promotions=tuple(gates),
        failure_strategy=strategy,
        retry=Retry(retries=retries, backoff=timedelta(minutes=5)),
        fail_on_incident=True,
    )
    promotions: tuple[Promotion, ...] = (BRIEF, GO, BAR, HOOK)
    known = catalog(
        foo,
        KNOWN.services["bar"],
        stages=stages,
        promotions=promotions,
        entry={"prod": tuple(entry)},
        groups={"sre": frozenset({"sue"})},
        freeze_overriders=("sre",),
    )
    known.environments["dev"] = structs.replace(known.environments["dev"], deadline_at_most=timedelta(hours=2))
    known.environments["prod"] = structs.replace(known.environments["prod"], deadline=None)
    return known


CATALOGS = st.builds(
    made,
    st.sampled_from(["stop", "rollback", "full_rollback", "ignore"]),
    st.integers(0, 1),
    st.sampled_from([(), ("smoke",), ("go",), ("hook",)]),
    st.sampled_from([(), ("bar",), ("go",)]),
    st.sampled_from(["newest", "queue", "all"]),
)
LANE = {"service": st.just("foo"), "environment": st.sampled_from(["dev", "test", "prod", "live"])}
MORE_FACTS = st.one_of(
    st.tuples(st.just("artifact.published"), st.fixed_dictionaries({"artifact": artifact()})),
    st.tuples(
        st.just("artifact.published"),
        st.fixed_dictionaries({"artifact": artifact().map(lambda one: one | {"digest": "sha256:other"})}),
    ),
    st.tuples(
        st.just("artifact.accepted"),
        st.fixed_dictionaries(
            {
                "artifact": artifact() | artifact().map(lambda one: one | {"digest": "sha256:other"}),
                "by": PEOPLE,
                "reason": st.just("moved"),
            }
        ),
    ),
    st.tuples(st.just("deployment.observed"), st.fixed_dictionaries({**LANE, "artifact": artifact()})),
    st.tuples(
        st.just("artifact.published"), st.fixed_dictionaries({"artifact": artifact(), "historical": st.just(True)})
    ),
    st.tuples(
        st.just("deployment.finished"),
        st.fixed_dictionaries(
            {
                **LANE,
                "version": st.sampled_from(VERSIONS),
                "outcome": st.sampled_from(["succeeded", "failed"]),
                "historical": st.just(True),
            }
        ),
    ),
    st.tuples(
        st.just("rollback.requested"),
        st.fixed_dictionaries(
            {**LANE, "by": PEOPLE, "reason": st.just("slow"), "version": st.sampled_from(["", *VERSIONS])}
        ).map(lambda one: {name: value for name, value in one.items() if value}),
    ),
    st.tuples(
        st.just("retry.requested"),
        st.fixed_dictionaries(
            {
                **LANE,
                "by": PEOPLE,
                "reason": st.just("slow"),
                "version": st.sampled_from(VERSIONS),
                "skip": st.sampled_from([[], ["smoke"]]),
            }
        ),
    ),
    st.tuples(
        st.just("deployment.finished"),
        st.fixed_dictionaries({"deployment": st.integers(1, 9), "outcome": st.sampled_from(["succeeded", "failed"])}),
    ),
)
STEPS = st.one_of(
    st.tuples(st.just("tell"), FACTS | MORE_FACTS, st.integers(-50, 4)),
    st.tuples(st.just("evaluate"), st.sampled_from([0, 1, 11, 70, 300])),
    st.tuples(st.just("deploy"), st.sampled_from(["succeeded", "succeeded", "succeeded", "failed"])),
    st.tuples(st.just("publish"), st.sampled_from(VERSIONS)),
    st.tuples(st.just("go on"), st.integers(1, 3)),
    st.tuples(st.just("configure"), st.sampled_from([None, "dev", "test", "prod"])),
    st.tuples(st.just("branch"), st.sampled_from([(), ("1.*",), ("!1.0",), (">=2",)])),
    st.tuples(st.just("rename"), st.sampled_from([None, "dev", "test", "prod"]), st.sampled_from(["live", "uat"])),
)
HISTORIES = st.lists(STEPS, min_size=15, max_size=40)


def play(world: Scenario, history: Sequence[tuple[Any, ...]]) -> None:
    """Go through a history; promotion looks after each step but a fact."""
    known = world.catalog
    enter(world.engine, known, world.now)
    for step in history:
        match step:
            case ("tell", (what, fields), minutes):
                world.tell(what, **fields, time=(world.now + timedelta(minutes=minutes)).isoformat())
            case ("evaluate", minutes):
                world.evaluate(minutes=minutes)
            case ("deploy", outcome):
                world.deploy(outcome)
            case ("publish", version):
                world.publish(version)
                world.evaluate()
            case ("go on", rounds):
                for _ in range(rounds):
                    answer(world)
            case ("configure", removed):
                change(world, without(known, removed) if removed is not None else known)
            case ("branch", branches):
                change(world, taking(known, branches))
            case ("rename", old, new):
                # a worker with the files of before may evaluate next: `configure`
                configure(world, renamed(known, old, new) if old is not None else known)


def taking(known: Catalog, branches: tuple[str, ...]) -> Catalog:
    """The catalog with a pipeline that takes some versions alone."""
    (pipeline,) = known.pipelines.values()
    return replace(known, pipelines={pipeline.ident: structs.replace(pipeline, branches=branches)})


def without(known: Catalog, removed: str) -> Catalog:
    """The catalog without one of its stages, and with another one after the first that is left."""
    (pipeline,) = known.pipelines.values()
    left = [stage for stage in pipeline.stages if stage.environment != removed]
    stages = [left[0], Stage(environment="canary"), *left[1:]]
    for place, before in enumerate(stages[:-1], start=1):
        stages[place] = structs.replace(stages[place], after=After(environments=(before.environment,)))
    stages[0] = structs.replace(stages[0], after=After())
    return replace(
        known,
        pipelines={pipeline.ident: structs.replace(pipeline, stages=tuple(stages))},
        environments=known.environments | {"canary": Environment(ident="canary")},
    )


def answer(world: Scenario) -> None:
    """All that is asked is answered with yes, and time passes."""
    for row in world.rows(deployment):
        if row.needs_evaluation and row.kind != "external":
            for job in ("smoke", "hook"):
                world.tell("verification.finished", deployment=row.id, promotion=job, outcome="passed")
            world.tell("approval.given", deployment=row.id, promotion="go", by="sue")
    world.deploy()
    world.evaluate(minutes=11)


def check_histories(copy: Callable[[], str], examples: int, part: int = 0) -> None:
    """Histories on databases that `copy` makes: in each part others, the same in each run of the tests."""

    @(seed(part) if EXPLORED is None else lambda check: check)
    @settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a smaller one takes minutes to find
    )
    @given(CATALOGS, HISTORIES)
    def check(known: Catalog, history: list[tuple[Any, ...]]) -> None:
        with Scenario(copy(), known) as world:
            play(world, history)
            assert differences(world.engine) == {}

    check()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_history_folds_into_the_tables(part: int, sqlite_template: Path, tmp_path: Path) -> None:
    check_histories(
        lambda: f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'folded.db')}", EXAMPLES // PARTS, part
    )


@pytest.mark.servers
def test_every_history_folds_into_the_tables_of_postgresql(postgresql: PostgreSQL) -> None:
    def copy() -> str:
        postgresql.drop_database("folded")
        return postgresql.create_database("folded", template="deploydb_template")

    check_histories(copy, EXAMPLES // 10)
