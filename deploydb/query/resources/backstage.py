"""Services as entities of a Backstage catalog: `/api/backstage`, a location that leads to them, and each of them."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.catalog import Service
from deploydb.domain.model.service_metadata import ServiceMetadata
from deploydb.http.errors import existing, nearest, shown
from deploydb.query.origin import origin_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource
from deploydb.query.service_groups import metadata_of

_VERSION = "backstage.io/v1alpha1"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
"""What Backstage takes as the name of an entity, and as the key or the value of a label."""
_NO_OWNER = "unknown"


class Link(Struct, frozen=True, kw_only=True):
    """An address for people."""

    url: str
    title: str


class EntityMetadata(Struct, frozen=True, kw_only=True):
    """`annotations`: the service by its whole name, and where its source code is."""

    name: str
    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    annotations: dict[str, str] | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    links: list[Link] | UnsetType = UNSET


class ComponentSpec(Struct, frozen=True, kw_only=True):
    """Backstage asks for each of them. `owner`: the team."""

    type: str
    lifecycle: str
    owner: str


class LocationSpec(Struct, frozen=True, kw_only=True):
    """`targets`: addresses that are relative to that of the location."""

    type: str
    targets: list[str]


class Component(Struct, frozen=True, kw_only=True, rename={"api_version": "apiVersion"}):
    """A service."""

    api_version: str
    kind: str
    metadata: EntityMetadata
    spec: ComponentSpec


class Location(Struct, frozen=True, kw_only=True, rename={"api_version": "apiVersion"}):
    """All services."""

    api_version: str
    kind: str
    metadata: EntityMetadata
    spec: LocationSpec


def location(asked: RequestContext) -> Location:
    """A location of a Backstage catalog, with the services that are configured, by ident."""
    return Location(
        api_version=_VERSION,
        kind="Location",
        metadata=EntityMetadata(name="deploydb", description="The services that DeployDB deploys."),
        spec=LocationSpec(
            type="url", targets=[f"./backstage/{quote(one, safe='')}" for one in sorted(asked.catalog.services)]
        ),
    )


def component(asked: RequestContext) -> Component:
    """A service as a component of a Backstage catalog, with its team, its labels and its links."""
    known, ident = asked.catalog.services, asked.name("service")
    service: Service = existing(known.get(ident), f"service {shown(ident)}{nearest(ident, known)}")
    metadata = metadata_of(asked.catalog, ident)
    return Component(
        api_version=_VERSION,
        kind="Component",
        metadata=EntityMetadata(
            name=_name(ident),
            title=ident,
            description=service.description or UNSET,
            annotations={"deploydb/service": ident, **_source(metadata)},
            labels={key: value for key, value in metadata.labels.items() if _is_name(key) and _is_name(value)} or UNSET,
            links=list(_links(f"{origin_of(asked.request)}/services/{quote(ident, safe='')}", metadata)),
        ),
        spec=ComponentSpec(type="service", lifecycle="production", owner=_name(metadata.team or _NO_OWNER)),
    )


def _source(metadata: ServiceMetadata) -> dict[str, str]:
    if metadata.repository is None:
        return {}
    return {"backstage.io/source-location": f"url:{metadata.repository.rstrip('/')}/"}


def _links(page: str, metadata: ServiceMetadata) -> Iterator[Link]:
    known = {"DeployDB": page, "Repository": metadata.repository, "Runbook": metadata.runbook, "Chat": metadata.chat}
    for title, url in known.items():
        if url is not None:
            yield Link(url=url, title=title)


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _name(text: str) -> str:
    """The text as a name: what a name cannot have becomes a hyphen."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.") or _NO_OWNER


RESOURCES = (
    Resource(path="/api/backstage", read=location),
    Resource(path="/api/backstage/{service}", read=component, momentary=True),  # it has the host that was asked
)
