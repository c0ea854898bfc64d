"""Whether a publisher may say a fact: the one rule, for ingest and for the gateway."""

from collections.abc import Iterable, Sequence

from msgspec import Struct, json

from deploydb.domain.gates.checked import CheckedPromotion
from deploydb.domain.model.access import VERIFY_SOURCE, Access, Grant, is_reserved, matches
from deploydb.domain.model.access_reasons import Lack, NotPermitted
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.errors import Forbidden
from deploydb.domain.model.facts import (
    ORDERS,
    AboutApproval,
    AboutDeployment,
    AboutHold,
    ArtifactAccepted,
    ArtifactAttested,
    ArtifactPublished,
    EventUnused,
    Fact,
    HotfixDeclared,
    VerificationFinished,
    type_of,
)
from deploydb.domain.wording import text

_ORDER: tuple[Lack, ...] = ("facts", "sources", "services", "environments", "promotions", "vouches")
"""A grant is compared key by key; the reason is of the one that comes farthest."""

_PATHS: dict[Lack, str] = {
    "publisher": "$",
    "entry": "$",
    "facts": "$.type",
    "sources": "$.source",
    "services": "$.service",
    "environments": "$.environment",
    "promotions": "$.promotion",
    "verify": "$.promotion",
}


class Claim(Struct, frozen=True, kw_only=True):
    """What a fact says about what. `services`, `environments`: None where it is about none, empty where they are not
    known, or all of them."""

    kind: str
    source: str
    services: tuple[str, ...] | None
    environments: tuple[str, ...] | None
    promotion: str | None = None
    of_person: bool = False


def is_judged(catalog: Catalog) -> bool:
    """Whether access.yml limits anything that `refusal` judges."""
    return catalog.access != Access()


def refusal(
    catalog: Catalog,
    senders: Iterable[tuple[str | None, Sequence[Grant] | None]],
    fact: Fact,
    deployment: Deployment | None = None,
    *,
    seeks: bool = False,
) -> Forbidden | None:
    """The error of a fact that one of its senders, or the person who speaks in it, may not say; else None.

    `senders`: the user and the publisher, each with its grants: None where access.yml does not name it. The others as
    for `claim_of`.
    """
    claim = claim_of(fact, deployment, catalog, seeks=seeks) if catalog.access.publishers is not None else None
    for publisher, grants in senders:
        reason = None
        if claim is not None:
            reason = obstacle(grants, publisher, claim) or _of_verify(catalog, publisher, claim)
        reason = reason or _of_person(catalog, publisher, fact)
        if reason is not None:
            path = _PATHS.get(reason.lacks, "$.by")
            return Forbidden(text(reason), path=path, lacks=reason.lacks, data=json.encode(reason).decode())
    return None


def claim_of(fact: Fact, deployment: Deployment | None, catalog: Catalog, *, seeks: bool = False) -> Claim:
    """What a fact says. `deployment`: the one that it means, where that is known; `seeks`: the fact links to other
    events, which may come later."""
    promotion = fact.promotion if isinstance(fact, VerificationFinished | AboutApproval) else None
    services, environments = _about(fact, deployment, catalog, seeks=seeks)
    return Claim(
        kind=type_of(fact),
        source=fact.source,
        services=services,
        environments=tuple(_configured(catalog, one) for one in environments) if environments is not None else None,
        promotion=promotion,
        of_person=isinstance(fact, ORDERS),
    )


def obstacle(grants: Sequence[Grant] | None, publisher: str | None, claim: Claim) -> NotPermitted | None:
    """Why a publisher with these grants may not say it; None where one of them permits it. `grants` is None where
    access.yml does not name the publisher."""
    if publisher is None:
        return NotPermitted(publisher=None, kind=claim.kind, lacks="publisher")
    if not grants:
        return NotPermitted(publisher=publisher, kind=claim.kind, lacks="entry")
    found: list[NotPermitted] = []
    for grant in grants:
        lack = _lack(grant, publisher, claim)
        if lack is None:
            return None
        found.append(lack)
    return max(found, key=lambda one: _ORDER.index(one.lacks))


def _of_verify(catalog: Catalog, publisher: str | None, claim: Claim) -> NotPermitted | None:
    """Why the fact is no answer of `verify`, which alone answers for what it asks."""
    asked = catalog.promotions.get(claim.promotion or "")
    if not isinstance(asked, CheckedPromotion) or claim.of_person or claim.source == VERIFY_SOURCE:
        return None
    return NotPermitted(publisher=publisher, kind=claim.kind, lacks="verify", found=asked.ident)


def _of_person(catalog: Catalog, publisher: str | None, fact: Fact) -> NotPermitted | None:
    """Why the person may not place or lift the hold."""
    if not isinstance(fact, AboutHold) or fact.kind not in ("veto", "freeze"):
        return None
    groups = catalog.access.veto if fact.kind == "veto" else catalog.access.freeze
    if not groups or any(fact.by in catalog.groups.get(group, ()) for group in groups):
        return None
    kind: Lack = "veto" if fact.kind == "veto" else "freeze"
    return NotPermitted(publisher=publisher, kind=type_of(fact), lacks=kind, granted=groups, person=fact.by)


def _lack(grant: Grant, publisher: str, claim: Claim) -> NotPermitted | None:
    def lacks(key: Lack, found: str = "", granted: tuple[str, ...] = ()) -> NotPermitted:
        return NotPermitted(publisher=publisher, kind=claim.kind, lacks=key, found=found, granted=granted)

    if not matches(grant.facts, claim.kind):
        return lacks("facts", claim.kind, grant.facts)
    if is_reserved(claim.source) if grant.sources is None else not matches(grant.sources, claim.source):
        return lacks("sources", claim.source, grant.sources or ())
    places: tuple[tuple[Lack, tuple[str, ...] | None, tuple[str, ...]], ...] = (
        ("services", claim.services, grant.services),
        ("environments", claim.environments, grant.environments),
        ("promotions", (claim.promotion,) if claim.promotion is not None else None, grant.promotions),
    )
    for key, names, granted in places:
        if names is None or "*" in granted:
            continue
        missing = [name for name in names if not matches(granted, name)]
        if missing or not names:
            return lacks(key, missing[0] if missing else "", granted)
    if claim.of_person and not grant.vouches:
        return lacks("vouches")
    return None


def _configured(catalog: Catalog, environment: str) -> str:
    """The name that an environment has in the catalog. What is stored has an earlier one until promote has renamed
    it."""
    if environment in catalog.environments:
        return environment
    renamed = (one.ident for one in catalog.environments.values() if environment in one.renamed_from)
    return next(renamed, environment)


def _about(
    fact: Fact, deployment: Deployment | None, catalog: Catalog, *, seeks: bool
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    if isinstance(fact, EventUnused):
        return None, None
    if isinstance(fact, ArtifactPublished | ArtifactAttested | ArtifactAccepted):
        module = fact.artifact.module
        incomplete = (one.service.ident for one in catalog.incomplete_of(module))
        return (*catalog.services_of(module), *incomplete), None
    if isinstance(fact, HotfixDeclared):
        return (fact.service,), ()
    if deployment is not None:
        return (deployment.service,), (deployment.environment,)
    if isinstance(fact, AboutDeployment) and (seeks or fact.deployment is not None or fact.command is not None):
        return (), ()  # it may turn out to be about any
    service, environment = (getattr(fact, name, None) for name in ("service", "environment"))
    return (service,) if service is not None else (), (environment,) if environment is not None else ()
