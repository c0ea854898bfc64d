"""`/services` and `/environments`: what is configured, as a page for people and as JSON for programs."""

from msgspec import Struct

from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.pages.page import Page, pages_beside
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE

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
    """A page of the services, by name; `more`: there is another one."""

    services: list[ListedService]
    more: bool


class ListedEnvironment(Struct, frozen=True, kw_only=True):
    """An environment in short, with how many services go there."""

    environment: str
    description: str
    services: int


class ListedEnvironments(Struct, frozen=True, kw_only=True):
    """The environments, in the order in which releases reach them."""

    environments: list[ListedEnvironment]


def services(asked: RequestContext) -> ListedServices:
    """Every service that is configured, by name."""
    page = asked.page(size=_ON_A_PAGE)
    known = sorted(asked.catalog.every_service().values(), key=lambda one: one.ident)
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
    return ListedServices(services=found, more=len(known) > page.offset + page.size)


def environments(asked: RequestContext) -> ListedEnvironments:
    """Every environment that is configured, in the order in which releases reach them."""
    known = asked.catalog.environments
    counts = dict.fromkeys(known, 0)
    for service in asked.catalog.services:
        for name in asked.catalog.environments_of(service):
            counts[name] += 1
    ordered = dict.fromkeys([*environments_in_order(asked.catalog), *sorted(known)])
    return ListedEnvironments(
        environments=[
            ListedEnvironment(environment=name, description=known[name].description, services=counts[name])
            for name in ordered
            if name in known
        ]
    )


PAGES = (
    Page(
        path="/services",
        template="services.html",
        read=services,
        command=lambda _asked, _answer: ["service", "list"],
        drawn=lambda asked, answer: {"beside": pages_beside(asked, more=answer["more"])},
        parameters=PAGE,
        is_negotiated=True,
        title="Services",
    ),
    Page(
        path="/environments",
        template="environments.html",
        read=environments,
        command=lambda _asked, _answer: ["environment", "list"],
        is_negotiated=True,
        title="Environments",
    ),
)
