"""Check: `/api/check/{service}/{environment}`, whether a person's word or order would count. It does nothing."""

from typing import Any

from msgspec import Struct

from deploydb.domain.model.facts import ApprovalGiven, ApprovalRefused, Fact, HotfixDeclared, PromotionRequested
from deploydb.domain.person_names import person_name
from deploydb.query.existence import require_lane, unknown_version
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Parameter, Resource, needed, text
from deploydb.store.effects.beforehand import beforehand

_ORDERS = ("approve", "refuse", "promote", "hotfix")


class Check(Struct, frozen=True, kw_only=True):
    """Whether it would count, and why not; of an order that counts, what the version would wait for. `digest`: of the
    file that it is about."""

    order: str
    service: str
    environment: str
    version: str
    counts: bool
    why: str | None
    digest: str | None


def check(asked: RequestContext) -> Check:
    """Whether a person's approval, refusal, promotion or hotfix of a version would count, and why not."""
    service, environment = asked.name("service"), asked.name("environment")
    order, version, module = asked.option("order") or "", asked.option("version") or "", asked.option("artifact")
    with asked.store() as connection:
        require_lane(connection, asked.catalog, service, environment)
        found = beforehand(connection, asked.catalog, _fact(asked), asked.now, module=module)
        if found is None:
            raise unknown_version(connection, asked.catalog, service, environment, version, module)
    return Check(
        order=order,
        service=service,
        environment=environment,
        version=version,
        counts=found.counts,
        why=found.why,
        digest=found.digest,
    )


def _fact(asked: RequestContext) -> Fact:
    """The word or the order, had it been published now."""
    fields: dict[str, Any] = {
        "id": "",
        "source": "",
        "time": asked.now,
        "service": asked.name("service"),
        "version": asked.option("version") or "",
        "by": person_name(asked.option("by") or ""),
    }
    lane: dict[str, Any] = {"environment": asked.name("environment")}
    promotion: dict[str, Any] = {"promotion": asked.option("promotion") or "", "digest": asked.option("digest")}
    ordered: dict[str, Any] = {"skip": tuple(filter(None, (asked.option("skip") or "").split(","))), "reason": ""}
    match asked.option("order"):
        case "hotfix":
            return HotfixDeclared(**fields, **ordered)
        case "promote":
            return PromotionRequested(**fields, **lane, **ordered)
        case word:
            kind = ApprovalGiven if word == "approve" else ApprovalRefused
            return kind(**fields, **lane, **promotion, artifact=asked.option("artifact"))


RESOURCES = (
    Resource(
        path="/api/check/{service}/{environment}",
        read=check,
        parameters=(
            Parameter(name="order", about="The person's word or order.", required=True, choices=_ORDERS),
            needed("version", "The version that it is about."),
            text("promotion", "Of an approval or a refusal: the manual promotion, or `freeze`."),
            text("by", "Who gives it."),
            text("digest", "Of an approval or a refusal: the digest of the file that was seen."),
            text("artifact", "The module, GROUP:NAME, where several have the version."),
            text("skip", "Of a promotion or a hotfix: the stages that it passes by, separated by commas."),
        ),
        momentary=True,
    ),
)
