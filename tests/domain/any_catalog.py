"""Catalogs for made-up histories, and answers to all that they wait for."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.catalog import (
    After,
    Catalog,
    Environment,
    Parallel,
    Pipeline,
    Retry,
    Service,
    Stage,
)
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.facts import DeploymentFinished
from tests.domain.given import BAR, FOO, MANUAL, SOAK, catalog, chain
from tests.domain.scenario import Scenario

MODULES = (FOO, BAR)
SMOKE = VerificationPromotion(ident="smoke", timeout=timedelta(hours=3))
FIRST = After(environments=("dev",))
DIAMOND = (
    Stage(environment="dev", while_verifying="wait"),
    Stage(environment="east", after=FIRST, promotions=("soak",)),
    Stage(environment="west", after=FIRST, while_verifying="replace", promotions=("manual",)),
    Stage(environment="prod", after=After(environments=("east", "west"))),
)
EITHER = (*DIAMOND[:3], replace(DIAMOND[3], after=replace(DIAMOND[3].after, need="any")))
LINE = chain("dev", "staging", "prod", dev=("soak",), staging=("manual",))
FAST = chain("dev", "staging", "prod")
BACKPORTS = "1.*"
BRANCHES = st.sampled_from([(), (), (), (f"!{BACKPORTS}",), (">=1.2",)])


def made(
    stages: tuple[Stage, ...], order: str, promotions: tuple[str, ...], entry: tuple[str, ...], **more: Any
) -> Catalog:
    """A catalog of foo; `more` as for the service, but `parallel`, `on_error` of the smoke test, and the `branches` of
    the pipeline: versions of `BACKPORTS` that it excludes have a pipeline of their own."""
    parallel, on_error = more.pop("parallel", ()), more.pop("on_error", "block")
    branches = more.pop("branches", ())
    service = Service(ident="foo", artifacts=MODULES, pipelines=("main",), promotions=promotions, order=order, **more)
    known = catalog(
        *stages,
        branches=branches,
        services=[service],
        entry={"prod": entry},
        promotions=(replace(SMOKE, on_error=on_error), SOAK, MANUAL),
        parallel=parallel,
        groups={"sre": frozenset({"alice"})},
        freeze_overriders=("sre",),
    )
    return with_backports(known, chain("dev-1", "prod-1")) if f"!{BACKPORTS}" in branches else known


def with_backports(known: Catalog, stages: tuple[Stage, ...]) -> Catalog:
    """The catalog with another pipeline, for backports."""
    (service,), environments = known.services.values(), {one.environment for one in stages}
    parts = {each.name: getattr(known, each.name) for each in fields(known)}
    parts["services"] = {service.ident: replace(service, pipelines=(*service.pipelines, "maintenance"))}
    parts["environments"] |= {name: Environment(ident=name) for name in environments}
    parts["pipelines"] |= {"maintenance": Pipeline(ident="maintenance", stages=stages, branches=(BACKPORTS,))}
    return Catalog(**parts)


_PARTS = (
    st.sampled_from([DIAMOND, EITHER, LINE, FAST]),
    st.sampled_from(["published", "version"]),
    st.sampled_from([(), ("smoke",)]),
    st.sampled_from([(), ("manual",), ("soak",)]),
)
PLAIN = st.builds(made, *_PARTS)
"""Their pipelines take every version."""
CATALOGS = st.builds(made, *_PARTS, branches=BRANCHES)
TOGETHER = tuple(replace(stage, together=stage.environment in ("east", "west")) for stage in DIAMOND)
QUEUE = tuple(replace(stage, supersede="queue") for stage in LINE)
ALL = tuple(replace(stage, supersede="all") for stage in FAST)
BESIDE = (Parallel(environments=("east", "west"), most=1),)
DARING = st.builds(
    made,
    st.sampled_from([DIAMOND, TOGETHER, EITHER, LINE, FAST, QUEUE, ALL]),
    st.sampled_from(["published", "version"]),
    st.sampled_from([(), ("smoke",)]),
    st.sampled_from([(), ("manual",)]),
    failure_strategy=st.sampled_from(["stop", "rollback", "full_rollback", "ignore"]),
    retry=st.builds(Retry, retries=st.integers(0, 2), backoff=st.just(timedelta(minutes=5))),
    fail_on_incident=st.booleans(),
    parallel=st.sampled_from([(), BESIDE]),
    on_error=st.sampled_from(["block", "fail", "pass"]),
    branches=BRANCHES,
)
VERSIONS = st.sampled_from([f"{major}.{minor}" for major in (1, 2) for minor in range(4)])
PLACES = st.integers(0, 99)
SKEW = st.integers(-20, 4).map(lambda minutes: timedelta(minutes=minutes))


def answer(it: Scenario, known: Deployment, outcome: str = "succeeded") -> None:
    """Say how an active deployment ended, and yes to what its gates ask."""
    environment, version, module = known.environment, known.release.artifact.version, known.release.artifact.module
    if known.active:
        fact = DeploymentFinished(id=str(known.id), source="cd", time=it.now, deployment=known.id, outcome=outcome)
        it.merge(known, fact)
    if known.flow is not None:
        it.verify(environment, version, module=module)
        it.speak(environment, version, "alice", module=module)


def answer_all(it: Scenario) -> None:
    """Say yes to whatever is asked until nothing is asked any more, letting time pass in between."""
    for _ in range(100):
        before = dict(it.deployments)
        it.evaluate(1)
        for known in list(it.deployments.values()):
            if known.needs_evaluation and known.kind != "external":
                answer(it, known)
        it.evaluate(1)
        if not any(known.active for known in it.deployments.values()):
            it.evaluate(121)
        if it.deployments == before:
            return
    raise AssertionError("it never comes to rest")


def latest(it: Scenario) -> datetime:
    """The last time of any fact, action or deferral, at any time of the clock."""
    times = [it.now, it.sent_at, *(hold.at.time for hold in it.holds.values())]
    for known in it.deployments.values():
        statement = [one.time for one in (known.started, known.finished) if one is not None]
        ours = [known.requested_at, known.expired_at, known.not_before]
        times += [known.release.published_at, *statement, *(one for one in ours if one is not None)]
    return max(times)
