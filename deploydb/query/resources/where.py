"""Where something is: `/api/where/{what}`, is my commit in prod?"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deploydb.domain.model.artifact import order_key, split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.reasons import Reason
from deploydb.domain.suggestions import close_match
from deploydb.http.errors import not_found, shown
from deploydb.query.accepted import Accepted
from deploydb.query.bodies import ReasonBody, body_of, reason_body
from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.hold_views import Held, hold_body
from deploydb.query.outlook_view import Failures, OutlookBody, failures_of, outlook_body
from deploydb.query.place_in_line import Line
from deploydb.query.request_context import RequestContext, iso
from deploydb.store.queries.artifact_places import (
    LONGEST_PURL,
    MOST,
    FoundView,
    PlaceView,
    by_commit,
    by_digest,
    by_purl,
    by_version,
    places,
)
from deploydb.store.queries.branches import services_without_stage
from deploydb.store.queries.deployments import refused_at_entry
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.publications import acceptances
from deploydb.store.queries.why import versions_of

State = Literal["runs", "ran", "coming", "failed", "skipped", "not there"]
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")


class Now(Struct, frozen=True, kw_only=True):
    """What runs there instead. `newer`: it was released later, so that it most likely has what was asked for."""

    version: str
    since: str
    newer: bool


class Place(Struct, frozen=True, kw_only=True):
    """What became of an artifact in a lane, by its last attempt there. `since` and `until`: when it ran there last.
    `outlook`: of one that is neither there nor on its way. `veto`: of one that runs there though it is vetoed."""

    service: str
    environment: str
    state: State
    deployment: int
    status: str
    reason: ReasonBody | None
    since: str | None
    until: str | None
    now: Now | None
    outlook: OutlookBody | UnsetType = UNSET
    veto: str | UnsetType = UNSET


class Untaken(Struct, frozen=True, kw_only=True):
    """A service of which no pipeline takes the version."""

    service: str
    reason: ReasonBody


class Found(Struct, frozen=True, kw_only=True, rename="camel"):
    """An artifact that is meant, and where it is. `conflict`: a later publication with another file. `accepted`: a
    person made its file the version. `untaken`: services that it goes through no stage of."""

    id: int
    module: str
    version: str
    commit: str | None
    digest: str | None
    purl: str | None
    published_at: str
    places: list[Place]
    conflict: str | UnsetType = UNSET
    accepted: Accepted | UnsetType = UNSET
    untaken: list[Untaken] | UnsetType = UNSET


class Where(Struct, frozen=True, kw_only=True):
    """The artifacts that something means, the last published first. `more`: there are more than these."""

    what: str
    artifacts: list[Found]
    more: bool


def where(asked: RequestContext) -> Where:
    """The artifacts that a commit (or the beginning of one), a digest, a package URL, `group:name:version` or a version
    means, and what became of each in each environment."""
    what = asked.name("what")
    with asked.store() as connection:
        found = meant(connection, asked.catalog, what)
        if not found:
            near = _near(connection, asked.catalog, what)
            raise not_found(
                f"nothing is known by {shown(what)}{near or ':'} ask for a commit (7 digits "
                "or more), a digest (sha256:…), a package URL (pkg:…), GROUP:NAME:VERSION or a version"
            )
        artifacts = found_of(asked, connection, found)
    return Where(what=what, artifacts=artifacts, more=len(found) == MOST)


def found_of(asked: RequestContext, connection: sa.Connection, found: Sequence[FoundView]) -> list[Found]:
    """Artifacts, with what became of them in each environment."""
    line, views = Line(connection, asked.catalog), places(connection, [one.id for one in found])
    views = [
        replace(one, reason=line.placed(one.service, one.environment, one.deployment, one.reason)) for one in views
    ]
    accepted = acceptances(connection, [one.id for one in found])
    absent = services_without_stage(connection, asked.catalog, [one.id for one in found])
    refused = refused_at_entry(connection, [one.deployment for one in views if one.status == "NOT_STARTED"])
    held = Held(holds_at(connection, asked.now), asked.catalog)
    rank = {ident: index for index, ident in enumerate(environments_in_order(asked.catalog))}
    ordered = sorted(views, key=lambda one: (one.service, rank.get(one.environment, len(rank)), one.environment))
    return [
        body_of(
            Found,
            one,
            places=_places(asked.catalog, one, ordered, refused, held),
            conflict=one.conflict or UNSET,
            accepted=body_of(Accepted, accepted[one.id]) if one.id in accepted else UNSET,
            untaken=_untaken(asked.catalog, one, absent) or UNSET,
        )
        for one in found
    ]


def _untaken(catalog: Catalog, found: FoundView, absent: Sequence[tuple[int, str]]) -> list[Untaken]:
    services = sorted(service for artifact, service in absent if artifact == found.id)
    known = {name: branches for name in services if (branches := catalog.branches(name)) is not None}
    reasons = {name: branches.nowhere(name, found.version) for name, branches in known.items()}
    return [Untaken(service=name, reason=reason_body(one)) for name, one in reasons.items() if one is not None]


def meant(connection: sa.Connection, catalog: Catalog, what: str) -> Sequence[FoundView]:
    """By the first of the ways to name an artifact that the text fits and that finds one."""
    if what.startswith("pkg:"):
        return by_purl(connection, what) if len(what) <= LONGEST_PURL else ()
    if _DIGEST.fullmatch(what) and (found := by_digest(connection, what)):
        return found
    if _COMMIT.fullmatch(what.lower()) and (found := by_commit(connection, what.lower())):
        return found
    module, _, version = what.rpartition(":")
    if module:
        group, name = split_module(module)
        return by_version(connection, [(group, name)], version) if group and name and version else ()
    modules = {module for service in catalog.every_service().values() for module in service.artifacts}
    return by_version(connection, [split_module(one) for one in modules], what)


def _near(connection: sa.Connection, catalog: Catalog, what: str) -> str:
    """`; did you mean X?`, with the nearest module of a service and its nearest version."""
    modules = sorted({module for service in catalog.services.values() for module in service.artifacts})
    module = what.rpartition(":")[0]
    if not module:
        return close_match(what, versions_of(connection, list(map(split_module, modules))))
    meant = module if module in modules else next(iter(get_close_matches(module, modules, n=1)), None)
    if meant is None:
        return ""
    versions = versions_of(connection, [split_module(meant)])
    return close_match(what, [f"{meant}:{one}" for one in versions])


def _places(
    catalog: Catalog,
    found: FoundView,
    views: Sequence[PlaceView],
    refused: Mapping[int, Collection[Reason]],
    held: Held,
) -> list[Place]:
    flows: dict[str, list[PlaceView]] = defaultdict(list)
    for view in views:
        if view.artifact == found.id:
            flows[view.service].append(view)
    failures = {service: failures_of(flow) for service, flow in flows.items()}
    return [
        _place(catalog, found, view, failures[service], refused.get(view.deployment, ()), held)
        for service, flow in flows.items()
        for view in flow
    ]


def _place(
    catalog: Catalog, found: FoundView, view: PlaceView, failures: Failures, refused: Collection[Reason], held: Held
) -> Place:
    now = None
    if view.runs is not None and view.runs != found.id and view.runs_version is not None:
        now = Now(version=view.runs_version, since=iso(view.runs_since) or "", newer=_is_newer(catalog, found, view))
    outlook = outlook_body(view.environment, view.status, view.reason, refused, failures)
    never = outlook is not UNSET and outlook.verdict == "will not come"
    state = _state(found, view, never=never)
    over = held.over(view.service, view.environment, [found.version]) if state == "runs" else ()
    veto = next((hold_body(one).text for one in over if one.kind == "veto"), UNSET)
    return body_of(Place, view, state=state, now=now, outlook=outlook, veto=veto)


def _state(found: FoundView, view: PlaceView, *, never: bool) -> State:
    if view.runs == found.id:
        return "runs"
    if view.needs_evaluation and not never and view.status in ("NOT_STARTED", "CREATED", "STARTED"):
        return "coming"
    if view.since is not None:
        return "ran"
    if view.status == "FAILED":
        return "failed"
    return "skipped" if view.status == "SKIPPED" else "not there"


def _is_newer(catalog: Catalog, found: FoundView, view: PlaceView) -> bool:
    if view.runs_version is None or view.runs_published_at is None:
        return False
    order = catalog.order_of(view.service)
    mine = order_key(order, found.version, found.published_at)
    return order_key(order, view.runs_version, view.runs_published_at) > mine
