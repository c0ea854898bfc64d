"""Releases, deployments and catalogs for the tests of the domain."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.catalog import After, Catalog, Environment, Parallel, Pipeline, Service, Stage
from deploydb.domain.model.deployment import Deployment, Release

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SMOKE = VerificationPromotion(ident="smoke")
SOAK = SoakPromotion(ident="soak", duration=timedelta(hours=2))
MANUAL = ManualPromotion(ident="manual")
FOO = "com.example:foo"
BAR = "com.example:bar"


def at(minutes: float) -> datetime:
    """That many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def artifact(
    version: str = "1.0",
    *,
    module: str = FOO,
    url: str | None = None,
    digest: str | None = None,
    commit: str | None = None,
) -> Artifact:
    """A version of a module."""
    group, name = module.split(":")
    return Artifact(group=group, name=name, version=version, url=url, digest=digest, commit=commit)


def release(
    version: str = "1.0",
    *,
    ident: int = 1,
    published: float = 0,
    by: str = "ci",
    module: str = FOO,
    commit: str | None = None,
) -> Release:
    """A version that was published that many minutes after noon."""
    file = artifact(version, module=module, commit=commit)
    return Release(id=ident, artifact=file, published_at=at(published), published_by=by)


def deployment(version: str = "1.0", environment: str = "dev", **fields: object) -> Deployment:
    """A deployment of foo, number 1 of flow 1 unless `fields` say otherwise."""
    known = Deployment(id=1, flow=1, service="foo", environment=environment, release=release(version))
    return replace(known, **fields)


def chain(*environments: str, **promotions: tuple[str, ...]) -> tuple[Stage, ...]:
    """Stages one after the other; `promotions` by environment."""
    return tuple(
        Stage(environment=name, after=After(environments=before), promotions=promotions.get(name, ()))
        for name, before in zip(environments, ((), *((name,) for name in environments)), strict=False)
    )


def catalog(
    *stages: Stage,
    services: Iterable[Service] = (Service(ident="foo", artifacts=(FOO,), pipelines=("main",)),),
    entry: dict[str, tuple[str, ...]] | None = None,
    promotions: Iterable[Promotion] = (SMOKE, SOAK, MANUAL),
    parallel: tuple[Parallel, ...] = (),
    branches: tuple[str, ...] = (),
    **more: Any,
) -> Catalog:
    """Services, foo by default, on one pipeline with these branches; `entry` promotions by environment; `more` as for
    `Catalog`."""
    return Catalog(
        services={service.ident: service for service in services},
        environments={
            stage.environment: Environment(ident=stage.environment, entry=(entry or {}).get(stage.environment, ()))
            for stage in stages
        },
        pipelines={"main": Pipeline(ident="main", stages=stages, parallel=parallel, branches=branches)},
        promotions={promotion.ident: promotion for promotion in promotions},
        **more,
    )


THREE = chain("dev", "staging", "prod")


def foo(**fields: object) -> Service:
    """The service foo, made of the module of its name unless `fields` say otherwise."""
    return replace(Service(ident="foo", artifacts=(FOO,), pipelines=("main",)), **fields)
