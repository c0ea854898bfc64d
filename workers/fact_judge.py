"""The judge of ingest: whether those who send a fact may say it, by access.yml (`domain.access`)."""

from functools import cache

from deploydb.domain.access import refusal
from deploydb.domain.model.access import Grant, grants_of_user, is_reserved
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.environment_names import EnvironmentNames, under
from deploydb.domain.model.errors import Forbidden
from deploydb.store.arrival import Arrival, Judge
from deploydb.store.correlations import seeks

Grants = tuple[Grant, ...] | None


def judge_by(catalog: Catalog, *, own: str) -> Judge:
    """A judge for one batch: it works the rights of a publisher out once, and keeps them. `own`: the user of ingest."""
    catalogs: dict[int, Catalog] = {}

    @cache
    def of_user(number: int, user: str, source: str) -> Grants:
        return grants_of_user(catalogs[number].access, user, source, own=own)

    @cache
    def of_publisher(number: int, publisher: str) -> Grants:
        return catalogs[number].access.granted(publisher)

    def judge(arrival: Arrival, deployment: Deployment | None, names: EnvironmentNames) -> Forbidden | None:
        number, fact, user, publisher = names.number, arrival.fact, arrival.user, arrival.publisher
        if number not in catalogs:
            catalogs[number] = under(catalog, names)
        senders = [(user, of_user(number, user, fact.source) if user is not None else None)]
        if publisher is not None and publisher != user and not is_reserved(fact.source):
            senders.append((publisher, of_publisher(number, publisher)))
        return refusal(catalogs[number], senders, fact, deployment, seeks=seeks(fact))

    return judge
