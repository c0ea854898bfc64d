"""The same facts in any order, however often they come: the same state, the same verdicts, the same reasons."""

import re
import shutil
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.provenance import ProvenancePromotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.model.catalog import Service
from deploydb.domain.model.reasons import Reason
from deploydb.domain.wording import text
from deploydb.store.catalog_listings import enter
from deploydb.store.tables import (
    attestation,
    current_version,
    deployment,
    hold,
    hotfix,
    incident,
    promotion_request,
    retry_request,
    rollback_request,
    verdict,
)
from tests.scenario import NOON, Scenario, catalog

VERSIONS = ("1.0", "1.1", "2.0")
KNOWN = catalog(
    Service(
        ident="foo",
        artifacts=("com.example:foo",),
        pipelines=("main",),
        promotions=("smoke", "brief", "go"),
        failure_strategy="rollback",
        fail_on_incident=True,
    ),
    Service(ident="bar", artifacts=("com.example:bar",), pipelines=("main",)),
    promotions=(
        SoakPromotion(ident="brief", duration=timedelta(minutes=10)),
        ManualPromotion(ident="go", groups=("sre",)),
        DependsOnPromotion(ident="bar", service="bar", environment="dev"),
        ProvenancePromotion(ident="signed", signers=("cosign",)),
    ),
    entry={"prod": ("bar",), "dev": ("signed",)},
    groups={"sre": frozenset({"sue"})},
    freeze_overriders=("sre",),
)


def lane(**more: Any) -> st.SearchStrategy[dict[str, Any]]:
    where = {"environment": st.sampled_from(["dev", "prod"]), "version": st.sampled_from(VERSIONS)}
    return st.fixed_dictionaries({"service": st.just("foo"), **where, **more})


def artifact(name: str = "foo") -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(VERSIONS).map(
        lambda version: {"group": "com.example", "name": name, "version": version, "digest": f"sha256:{version}"}
    )


PEOPLE = st.sampled_from(["sue", "dan"])
HOLDS = lane(kind=st.sampled_from(["pin", "veto", "freeze", "pause"]), by=PEOPLE, hold=st.just("release"))
FACTS = st.one_of(
    st.tuples(st.just("artifact.published"), st.fixed_dictionaries({"artifact": artifact() | artifact("bar")})),
    st.tuples(
        st.just("artifact.attested"), st.fixed_dictionaries({"artifact": artifact(), "signer": st.just("cosign")})
    ),
    st.tuples(
        st.just("artifact.published"), st.fixed_dictionaries({"artifact": artifact(), "historical": st.just(True)})
    ),
    st.tuples(
        st.just("deployment.finished"),
        lane(outcome=st.sampled_from(["succeeded", "failed"]), historical=st.just(True)),
    ),
    st.tuples(
        st.just("verification.finished"),
        lane(promotion=st.just("smoke"), outcome=st.just("passed"), historical=st.just(True)),
    ),
    st.tuples(st.just("deployment.started"), lane()),
    st.tuples(st.just("deployment.finished"), lane(outcome=st.sampled_from(["succeeded", "succeeded", "failed"]))),
    st.tuples(
        st.just("verification.finished"),
        lane(promotion=st.just("smoke"), outcome=st.sampled_from(["passed", "passed", "failed", "errored", "pending"])),
    ),
    st.tuples(
        st.sampled_from(["approval.given", "approval.refused"]),
        lane(promotion=st.sampled_from(["go", "freeze"]), by=PEOPLE, comment=st.just("so be it")),
    ),
    st.tuples(
        st.sampled_from(["hold.placed", "hold.lifted"]),
        lane(kind=st.sampled_from(["pin", "veto", "freeze", "pause"]), by=PEOPLE),
    ),
    st.tuples(st.just("hold.placed"), HOLDS | HOLDS.map(lambda one: one | {"from": "2026-11-22T12:30:00Z"})),
    st.tuples(st.just("hold.lifted"), HOLDS),
    st.tuples(
        st.sampled_from(["incident.detected", "incident.resolved"]),
        st.tuples(lane(incident=st.sampled_from(["1", "2"])), st.booleans()).map(
            lambda drawn: {name: value for name, value in drawn[0].items() if drawn[1] or name != "version"}
        ),
    ),
    st.tuples(st.just("rollback.requested"), lane(by=PEOPLE, reason=st.just("slow"))),
    st.tuples(
        st.just("retry.requested"),
        lane(by=PEOPLE, reason=st.just("slow"), skip=st.sampled_from([[], ["smoke"]])),
    ),
    st.tuples(
        st.just("hotfix.declared"),
        st.fixed_dictionaries(
            {
                "service": st.just("foo"),
                "version": st.sampled_from(VERSIONS),
                "by": PEOPLE,
                "reason": st.just("fire"),
                "skip": st.sampled_from([[], ["dev"]]),
            }
        ),
    ),
    st.tuples(
        st.just("promotion.requested"),
        lane(by=PEOPLE, reason=st.just("fire"), skip=st.sampled_from([[], ["dev"]])),
    ),
)
HISTORIES = st.lists(st.tuples(FACTS, st.integers(0, 50)), min_size=3, max_size=25)


def state(path: Path, facts: list[tuple[str, dict[str, Any]]]) -> dict[str, list[Any]]:
    """What is known after the facts, and what was decided on them, without the numbers that rows were given."""
    with Scenario(f"sqlite:///{path}", KNOWN) as world:
        world.now = NOON + timedelta(hours=1)
        enter(world.engine, world.catalog, world.now)
        for what, fields in facts:
            world.tell(what, **fields)
        world.evaluate()
        names = {row.id: (row.service, row.environment, row.version) for row in world.rows(deployment)}
        return {
            "deployments": sorted(
                (
                    row.service,
                    row.environment,
                    row.version,
                    row.kind,
                    row.status,
                    _text(row.status_reason),
                    _text(row.failure_response_detail),
                )
                for row in world.rows(deployment)
            ),
            "verdicts": sorted(
                (
                    *names[row.deployment_id],
                    row.promotion,
                    row.outcome or "",
                    _text(row.reason),
                    str(row.recheck_at),
                    str(row.since),
                )
                for row in world.rows(verdict)
            ),
            "running": sorted(
                (row.service, row.environment, names[row.deployment_id]) for row in world.rows(current_version)
            ),
            "holds": [
                {name: value for name, value in row._mapping.items() if name != "event"} for row in world.rows(hold)
            ],
            "hotfixes": [(*row[:5], row.event_id) for row in world.rows(hotfix)],
            "promotions": [(*row[:6], row.event_id) for row in world.rows(promotion_request)],
            "incidents": [(*row[:8], row.event_id) for row in world.rows(incident)],
            "attestations": [(*row[:5], row.event_id) for row in world.rows(attestation)],
            "wishes": sorted(
                (row.event_id, _text(row.answer))
                for table in (rollback_request, retry_request)
                for row in world.rows(table)
            ),
        }


def _text(reason: Reason | None) -> str:
    return re.sub(r"deployment \d+", "deployment N", text(reason) if reason is not None else "")


def test_the_same_facts_in_any_order_end_in_the_same_state(sqlite_url: str, tmp_path: Path) -> None:
    empty = Path(sqlite_url.removeprefix("sqlite:///"))

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(HISTORIES, st.randoms(use_true_random=False))
    def check(history: list[tuple[tuple[str, dict[str, Any]], int]], chance: Random) -> None:
        facts = [
            (what, fields | {"id": f"{index:03}", "time": (NOON + timedelta(minutes=minutes)).isoformat()})
            for index, ((what, fields), minutes) in enumerate(history)
        ]
        again = facts + chance.sample(facts, k=min(3, len(facts)))
        chance.shuffle(again)
        first, second = (shutil.copy(empty, tmp_path / name) for name in ("first.db", "second.db"))
        assert state(first, facts) == state(second, again)

    check()
