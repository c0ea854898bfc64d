"""Effect: `/api/effect`, whether a fact that was published counts; for clients that publish, afterwards."""

from msgspec import Struct

from deploydb.domain.model.facts import OWN_SOURCE, type_of
from deploydb.http.errors import bad_request
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import Resource, needed
from deploydb.store.effects.effect import effect_of


class FactEffect(Struct, frozen=True, kw_only=True, rename="camel"):
    """A fact and its effect. `number`: its row of the log, null while it is not recorded. `counts`: null while it is
    not decided. `why`: why it does not count, or what it waits for."""

    source: str
    id: str
    number: int | None
    recorded_at: str | None
    type: str | None
    service: str | None
    environment: str | None
    version: str | None
    by: str | None
    comment: str | None
    counts: bool | None
    why: str | None


def effect(asked: RequestContext) -> FactEffect:
    """Whether a fact changes something, or would once its turn comes; and why not. A fact that is not recorded has no
    effect yet."""
    source, id_ = asked.option("source") or "", asked.option("id") or ""
    if not (source and id_):
        raise bad_request("source and id are missing: they name the fact")
    if source == OWN_SOURCE:
        raise bad_request(f"source={OWN_SOURCE} is DeployDB itself: give the source of a fact")
    with asked.store() as connection:
        found = effect_of(connection, asked.catalog, source, id_, asked.now)
    recorded = found.recorded
    fact = recorded.fact if recorded is not None else None
    return FactEffect(
        source=source,
        id=id_,
        number=recorded.number if recorded is not None else None,
        recorded_at=iso(recorded.recorded_at) if recorded is not None else None,
        type=type_of(fact) if fact is not None else None,
        service=recorded.service if recorded is not None else None,
        environment=recorded.environment if recorded is not None else None,
        version=getattr(fact, "version", None),
        by=getattr(fact, "by", None),
        comment=getattr(fact, "reason", None) or getattr(fact, "comment", None),
        counts=found.counts,
        why=found.why,
    )


PARAMETERS = (needed("source", "The fact's source."), needed("id", "The fact's id."))
RESOURCES = (Resource(path="/api/effect", read=effect, parameters=PARAMETERS, momentary=True),)
