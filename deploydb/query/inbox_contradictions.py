"""The entries of the inbox that are of facts which contradict others: versions with two files, and ids used twice."""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.model.artifact import split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.publications import Standing, standing
from deploydb.query.inbox_entry import WHY, Act, Entry, act
from deploydb.store.duplicates import recently_differing
from deploydb.store.queries.contradictions import contradictions
from deploydb.store.queries.publications import words_on_version

_MOST = 20


def of_contradictions(connection: sa.Connection, catalog: Catalog) -> Iterator[Entry]:
    """The last versions with two files, of each service that takes them; and the facts that were sent under an id of
    others, of the last day of the log."""
    for one in contradictions(connection, limit=_MOST):
        words = words_on_version(connection, *split_module(one.module), one.version)
        known = standing(words or ())
        takers = [name for name, service in catalog.services.items() if one.module in service.artifacts]
        for service in (*takers,) or (None,):
            yield Entry(
                kind="contradiction",
                service=service,
                module=one.module,
                version=one.version,
                text=one.conflict,
                since=max(other.at.time for other in known.later).isoformat(),
                acts=[act("look", "where", f"{one.module}:{one.version}"), *_acceptances(service, one.module, known)],
            )
    for differing in recently_differing(connection):
        yield Entry(
            kind="contradiction",
            text=differing_text(differing.source, differing.id, differing.publisher, differing.fact, differing.other),
            since=differing.at.isoformat(),
            acts=[act("look", "doctor")],
        )


def differing_text(source: str, id_: str, publisher: str | None, fact: int, other: bool) -> str:
    """What became of a fact that differs from the event `fact`, which has its source and id. `other`: that one is of
    another publisher."""
    kept = "it is stored under an id of its own" if other else "the first one stands, it is dropped"
    who = publisher or "a publisher without a name"
    return f"{source}/{id_} came again from {who} and differs from event {fact}: {kept}"


def _acceptances(service: str | None, module: str, known: Standing) -> Iterable[Act]:
    """Of each file the act that makes it the version, the one that stands first."""
    if service is None:
        return
    version, files = known.first.artifact.version, [known.first, *known.later]
    for digest in dict.fromkeys(one.artifact.digest for one in files if one.fact not in known.settled):
        if digest is not None:
            accepted = act("accept", "artifact accept", service, version, digest, artifact=module, reason=WHY)
            yield replace(accepted, digest=digest)
