"""Accept: `/api/accept/{service}`, what a person's acceptance of a file would do. It does nothing."""

from msgspec import Struct

from deploydb.domain.model.artifact import Artifact, split_module
from deploydb.domain.model.publications import Standing, standing
from deploydb.http.errors import not_found
from deploydb.query.existence import require_service, unknown_version
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, needed, text
from deploydb.store.effects.acceptance import acceptance_obstacle, has_file
from deploydb.store.queries.publications import words_on_version


class File(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file that the version was published with. `stands`: it is the version."""

    digest: str | None
    url: str | None
    published_at: str
    published_by: str
    stands: bool


class Accept(Struct, frozen=True, kw_only=True):
    """Whether an acceptance of the digest counts, else why not."""

    service: str
    version: str
    module: str
    digest: str
    files: list[File]
    counts: bool
    why: str | None


def accept(asked: RequestContext) -> Accept:
    """Whether the version was published with the digest, and what its acceptance would change."""
    service, version, digest = asked.name("service"), asked.option("version") or "", asked.option("digest") or ""
    only = asked.option("artifact")
    configured = asked.catalog.services.get(service)
    modules = [module for module in (configured.artifacts if configured is not None else ()) if only in (None, module)]
    with asked.store() as connection:
        require_service(connection, asked.catalog, service)
        found = {
            module: words
            for module in modules
            if (words := words_on_version(connection, *split_module(module), version)) is not None
        }
        if not found:
            raise unknown_version(connection, asked.catalog, service, None, version, only)
    with_digest = {module: words for module, words in found.items() if has_file(words, digest)}
    if len(with_digest) > 1:
        raise not_found(f"{' and '.join(with_digest)} have {version} with {digest}: name one of them as `artifact`")
    module, words = next(iter((with_digest or found).items()))
    group, name = split_module(module)
    why = acceptance_obstacle(words, Artifact(group=group, name=name, version=version, digest=digest))
    return Accept(
        service=service,
        version=version,
        module=module,
        digest=digest,
        files=_files(standing(words)),
        counts=why is None,
        why=why,
    )


def _files(known: Standing) -> list[File]:
    return [
        File(
            digest=one.artifact.digest,
            url=one.artifact.url,
            published_at=one.at.time.isoformat(),
            published_by=one.by,
            stands=one is known.first,
        )
        for one in (known.first, *known.later)
    ]


RESOURCES = (
    Resource(
        path="/api/accept/{service}",
        read=accept,
        parameters=(
            needed("version", "The version."),
            needed("digest", "The digest of the file that is accepted."),
            text("artifact", "The module, GROUP:NAME, where several have the version with that digest."),
        ),
    ),
)
