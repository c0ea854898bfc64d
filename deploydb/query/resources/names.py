"""Names: `/api/names`, whether what a fact or an order names exists; for clients that publish, before they do."""

from collections.abc import Iterator

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain import wording
from deploydb.domain.model.artifact import Artifact, split_module
from deploydb.domain.model.promotions import RESERVED
from deploydb.domain.suggestions import shown, suggestion
from deploydb.engine.word_check import unknown_promotion, unlisted
from deploydb.http.ids import LARGEST
from deploydb.query.existence import unknown_version
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, number, text
from deploydb.query.unknown_names import Unknown, unknown_lane, unknown_words
from deploydb.store.effects.reports import contradiction
from deploydb.store.queries.existence import lane_of, version_of_service_is_stored
from deploydb.store.queries.why import deployment_of_version


class Names(Struct, frozen=True, kw_only=True):
    """The names that match nothing; none where each one exists. `services`: those that list the module;
    `contradiction`: the version is known with another digest or URL, which stands."""

    unknown: list[Unknown]
    services: list[str]
    contradiction: str | None


def names(asked: RequestContext) -> Names:
    """Whether a module, a lane, a version, a deployment and a promotion exist, by the rules for unmatched facts."""
    module = asked.option("module")
    services = asked.catalog.services_of(module) if module is not None else ()
    with asked.store() as connection:
        return Names(
            unknown=list(_unknown(asked, connection)),
            services=sorted(services),
            contradiction=_contradiction(asked, connection),
        )


def _unknown(asked: RequestContext, connection: sa.Connection) -> Iterator[Unknown]:
    catalog, module, version = asked.catalog, asked.option("module"), asked.option("version")
    service, environment = asked.option("service"), asked.environment()
    deployment, command = asked.number("deployment"), asked.option("command")
    missing = unlisted(catalog, module) if module is not None else None
    if missing is not None:
        yield Unknown(name="module", why=missing)
    if module is not None and version is not None and service is None:
        for name in catalog.services_of(module):
            branches = catalog.branches(name)
            untaken = branches.nowhere(name, version) if branches is not None else None
            if untaken is not None:
                yield Unknown(name="pipeline", why=wording.text(untaken))
    if deployment is not None or command is not None:
        lane = lane_of(connection, deployment, command)
        if lane is None and deployment is not None:
            yield Unknown(name="deployment", why=f"no deployment {deployment}")
        elif lane is None:
            yield Unknown(name="command", why=f"no command {shown(command or '')}")
        service, environment = lane or (None, None)
    elif service is not None:
        missing = unknown_lane(connection, catalog, service, environment)
        if missing is not None:
            yield Unknown(name="lane", why=missing)
        elif version is not None and not _has(connection, service, environment, version, module):
            missing = unknown_version(connection, catalog, service, environment, version, module).detail
            yield Unknown(name="version", why=missing)
    else:
        missing = unknown_lane(connection, catalog, None, environment)
        if missing is not None:
            yield Unknown(name="lane", why=missing)
    yield from unknown_words(connection, catalog, asked.option("person"), asked.option("type"))
    promotion = asked.option("promotion")
    if promotion is None:
        return
    if service is not None and environment is not None:
        missing = unknown_promotion(catalog, service, environment, promotion)
    else:
        known = promotion in catalog.promotions or promotion in RESERVED
        missing = None if known else f"no promotion {shown(promotion)}{suggestion(promotion, catalog.promotions)}"
    if missing is not None:
        yield Unknown(name="promotion", why=missing)


def _has(connection: sa.Connection, service: str, environment: str | None, version: str, module: str | None) -> bool:
    if environment is None:
        return version_of_service_is_stored(connection, service, version)
    return deployment_of_version(connection, service, environment, version, module) is not None


def _contradiction(asked: RequestContext, connection: sa.Connection) -> str | None:
    """What a version of the module is known with, where the file that is named contradicts it."""
    module, version = asked.option("module"), asked.option("version")
    digest, url = asked.option("digest"), asked.option("url")
    if module is None or version is None:
        return None
    group, name = split_module(module)
    return contradiction(connection, Artifact(group=group, name=name, version=version, digest=digest, url=url))


RESOURCES = (
    Resource(
        path="/api/names",
        read=names,
        parameters=(
            text("service", "The service."),
            text("environment", "The environment; with a service, a stage of it."),
            text("version", "The version: in that lane, or without an environment in any stage of the service."),
            text("module", "Whose version it is, `group:name`."),
            text("digest", "The digest of the module's version, compared with the known one."),
            text("url", "The URL of the module's version, compared with the known one where a digest is missing."),
            number("deployment", "In place of service and environment: a deployment's number.", least=1, most=LARGEST),
            text("command", "In place of service and environment: the id of a command."),
            text("promotion", "The promotion: of that lane, or without one of any."),
            text("person", "The person: of the groups in access.yml, or of an event in the log."),
            text("type", "The type of an event."),
        ),
    ),
)
