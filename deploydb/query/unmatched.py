"""Unmatched facts as answers give them, each with the name that was probably meant."""

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.suggestions import close_match
from deploydb.engine.word_check import unknown_promotion
from deploydb.query.bodies import body_of
from deploydb.store.queries.unmatched import UnmatchedView, misnamed_reports, unmatched_facts, untaken_publications


class Unmatched(Struct, frozen=True, kw_only=True, rename="camel"):
    """A fact that matches nothing, and why. `number`: its row in the log; `deployment`: the one that it reports on,
    where only its promotion is unknown."""

    number: int
    type: str
    source: str
    time: str
    recorded_at: str
    service: str | None
    environment: str | None
    version: str | None
    promotion: str | None
    deployment: int | None
    why: str


def unmatched_in(
    connection: sa.Connection,
    catalog: Catalog,
    service: str | None = None,
    environment: str | None = None,
    *,
    limit: int,
) -> list[Unmatched]:
    """The last facts about unknown deployments, and for unknown promotions, of the lanes that are asked for; and the
    last releases that no pipeline takes."""
    misnamed = misnamed_reports(connection, catalog, service, environment)
    lost = unmatched_facts(connection, service, environment, limit=limit)
    untaken = untaken_publications(connection, catalog, service, limit=limit) if environment is None else []
    last = sorted([*misnamed, *lost, *untaken], key=lambda view: -view.number)[:limit]
    return [body_of(Unmatched, view, why=_why(catalog, view)) for view in last]


def _why(catalog: Catalog, view: UnmatchedView) -> str:
    if view.why is None:
        return unknown_promotion(catalog, view.service or "", view.environment or "", view.promotion or "") or ""
    service, environment = view.service, view.environment
    if service is None or environment is None:
        return view.why
    if service not in catalog.services:
        return f"{view.why}{close_match(service, catalog.services)}"
    stages = catalog.environments_of(service)
    return view.why if environment in stages else f"{view.why}{close_match(environment, stages)}"


def unmatched_text(recently: int, type_: str, source: str, why: str) -> str:
    """`3 facts match nothing, the last: no deployment… (deployment.finished by ci)`: how many of late, and the last."""
    matching = "1 fact matches nothing" if recently == 1 else f"{recently} facts match nothing, the last"
    return f"{matching}: {why} ({type_} by {source})"
