"""`/services` and `/environments`: what is configured, as a page for people and as JSON for programs."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.hold_views import HoldBody, hold_body
from deploydb.query.pages.cells import LOOKS
from deploydb.query.pages.page import Answer, Page, lanes_of_now, pages_beside
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE, text
from deploydb.query.resources.status import LASTS
from deploydb.query.service_groups import about
from deploydb.store.queries.holds import holds_at

_ON_A_PAGE = 200


class ListedService(Struct, frozen=True, kw_only=True):
    """A service in short. `lacks`: what it needs and is not configured, so that it takes no releases."""

    service: str
    description: str
    team: str | None
    labels: dict[str, str]
    artifacts: list[str]
    environments: list[str]
    lacks: list[str]


class ListedServices(Struct, frozen=True, kw_only=True):
    """A page of the services that match, of `total`, by name, from number `first` on; `more`: there is another one."""

    services: list[ListedService]
    total: int
    first: int
    more: bool


class ListedEnvironment(Struct, frozen=True, kw_only=True):
    """An environment in short, with how many services go there, and the holds over all of them."""

    environment: str
    description: str
    services: int
    holds: list[HoldBody]


class ListedEnvironments(Struct, frozen=True, kw_only=True):
    """The environments, in the order in which releases reach them."""

    environments: list[ListedEnvironment]


def services(asked: RequestContext) -> ListedServices:
    """The services that are configured and match, by name."""
    page = asked.page(size=_ON_A_PAGE)
    words = (asked.option("match") or "").casefold().split()
    every = sorted(asked.catalog.every_service().values(), key=lambda one: one.ident)
    known = [one for one in every if all(word in f"{about(one)}\n{one.description.casefold()}" for word in words)]
    incomplete = asked.catalog.incomplete
    found = [
        ListedService(
            service=one.ident,
            description=one.description,
            team=one.known_metadata.team,
            labels=one.known_metadata.labels,
            artifacts=list(one.artifacts),
            environments=list(asked.catalog.environments_of(one.ident)),
            lacks=list(incomplete[one.ident].lacks) if one.ident in incomplete else [],
        )
        for one in known[page.offset : page.offset + page.size]
    ]
    return ListedServices(
        services=found,
        total=len(known),
        first=page.offset + 1,
        more=len(known) > page.offset + page.size,
    )


def environments(asked: RequestContext) -> ListedEnvironments:
    """Every environment that is configured, in the order in which releases reach them."""
    known = asked.catalog.environments
    counts = dict.fromkeys(known, 0)
    for service in asked.catalog.services:
        for name in asked.catalog.environments_of(service):
            counts[name] += 1
    with asked.store() as connection:
        over = [hold_body(one) for one in holds_at(connection, asked.now) if one.service is None]
    ordered = dict.fromkeys([*environments_in_order(asked.catalog), *sorted(known)])
    return ListedEnvironments(
        environments=[
            ListedEnvironment(
                environment=name,
                description=known[name].description,
                services=counts[name],
                holds=[one for one in over if one.environment in (None, name)],
            )
            for name in ordered
            if name in known
        ]
    )


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """`reached`: the environments of every service of the page, where they are the same."""
    _, lanes = lanes_of_now(asked)
    worst = {one.name: LOOKS[one.states[0]] for one in lanes if one.states}
    routes = {tuple(one["environments"]) for one in answer["services"]}
    return {
        "beside": pages_beside(asked, more=answer["more"]),
        "states": {one["service"]: worst[one["service"]] for one in answer["services"] if one["service"] in worst},
        "reached": next(iter(routes)) if len(routes) == 1 and len(answer["services"]) > 1 else (),
    }


PAGES = (
    Page(
        path="/services",
        template="services.html",
        read=services,
        command=lambda _asked, _answer: ["service", "list"],
        drawn=_drawn,
        lasts=LASTS,
        parameters=(*PAGE, text("match", "With all of these words in their name, team, labels or description.")),
        is_negotiated=True,
        title="Services",
    ),
    Page(
        path="/environments",
        template="environments.html",
        read=environments,
        command=lambda _asked, _answer: ["environment", "list"],
        momentary=True,
        is_negotiated=True,
        title="Environments",
    ),
)
