"""Artifacts: `/api/artifacts/…`."""

from deploydb.http.errors import not_found, shown
from deploydb.query.paging import ALL
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE, Resource, text
from deploydb.store.queries.artifacts import artifact_by_id, artifacts_of_module, artifacts_with, latest_of_module
from deploydb.store.queries.deployments import deployments_of_artifact
from deploydb.v1_schema import Artifact, Deployment


def by_id(asked: RequestContext) -> Artifact:
    """One artifact."""
    return Artifact.of(asked.row("artifact", artifact_by_id))


def versions(asked: RequestContext) -> list[Artifact]:
    """All versions of an artifact's module, newest first; a page of them where one is asked for."""
    page = asked.page(size=ALL)
    known = asked.row("artifact", artifact_by_id)
    with asked.store() as connection:
        views = artifacts_of_module(connection, known.group, known.name, offset=page.offset, limit=page.size)
    return [Artifact.of(view) for view in page.filled(views)]


def deployments(asked: RequestContext) -> list[Deployment]:
    """An artifact's deployments, ascending, none too; a page of them where one is asked for."""
    page = asked.page(size=ALL)
    known = asked.row("artifact", artifact_by_id)
    with asked.store() as connection:
        views = deployments_of_artifact(connection, known.id, offset=page.offset, limit=page.size)
    if page.number:
        page.filled(views)
    return [Deployment.of(view) for view in views]


def by_module(asked: RequestContext) -> list[Artifact]:
    """A page of a module's artifacts, newest first."""
    page = asked.page()
    group, name = _module(asked)
    with asked.store() as connection:
        views = artifacts_of_module(connection, group, name, offset=page.offset, limit=page.size)
        if not views and not artifacts_of_module(connection, group, name, offset=0, limit=1):
            raise not_found(f"there is no artifact {shown(group)}:{shown(name)}")
    return [Artifact.of(view) for view in page.filled(views)]


def latest(asked: RequestContext) -> Artifact:
    """The newest artifact of a module."""
    group, name = _module(asked)
    with asked.store() as connection:
        view = latest_of_module(connection, group, name)
    if view is None:
        raise not_found(f"no artifact {shown(group)}:{shown(name)} has been published")
    return Artifact.of(view)


def _module(asked: RequestContext) -> tuple[str, str]:
    module = asked.name("module")
    group, _, name = module.partition(":")
    if not group or not name:
        raise not_found(f"there is no artifact {shown(module)}: expected GROUP:NAME")
    return group, name


def search(asked: RequestContext) -> list[Artifact]:
    """A page of the artifacts whose group, name or version contains a text, ascending; of all, without one."""
    page = asked.page()
    with asked.store() as connection:
        views = artifacts_with(connection, asked.option("query") or "", offset=page.offset, limit=page.size)
    return [Artifact.of(view) for view in page.filled(views)]


RESOURCES = (
    Resource(
        path="/api/artifacts",
        read=search,
        parameters=(text("query", "What group, name or version contains, to the letter."), *PAGE),
    ),
    Resource(path="/api/artifacts/by-module/{module:path}/latest", read=latest),
    Resource(path="/api/artifacts/by-module/{module:path}", read=by_module, parameters=PAGE),
    Resource(path="/api/artifacts/{id}", read=by_id),
    Resource(path="/api/artifacts/{id}/versions", read=versions, parameters=PAGE),
    Resource(path="/api/artifacts/{id}/deployments", read=deployments, parameters=PAGE),
)
