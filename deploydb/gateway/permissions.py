"""Whether the sender of a request may say its facts, by access.yml: asked before they are published."""

from collections.abc import Sequence

from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter
from starlette.exceptions import HTTPException

from deploydb.domain.access import is_judged, refusal
from deploydb.domain.model.access import ANY, EVERYTHING, Grant, is_reserved
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.errors import Forbidden
from deploydb.domain.model.facts import AboutDeployment, Fact
from deploydb.gateway.ledger import Ledger
from deploydb.store.correlations import seeks
from deploydb.store.deployment_resolver import locate
from deploydb.store.engine import reading
from deploydb.store.environment_names import latest_names


class Permissions:
    """The rule is `domain.access.refusal`, as in ingest."""

    def __init__(self, ledger: Ledger, *, registry: CollectorRegistry) -> None:
        self._ledger = ledger
        self._forbidden = Counter(
            "deploydb_gateway_forbidden_total",
            "Facts of requests that their sender may not say by access.yml (403), by the right that it lacks.",
            ["lacks"],
            registry=registry,
        )

    async def require(self, fact: Fact, publisher: str, *, listed: bool = True) -> None:
        """Raises: HTTPException 403 for a fact that the publisher may not say. Without `listed`, access.yml limits only
        a publisher that it names: a person, or a configured webhook."""
        (refused,) = await self.refused([(fact,)], publisher, listed=listed)
        if refused is not None:
            raise HTTPException(403, str(refused)) from refused

    async def refused(
        self, events: Sequence[Sequence[Fact]], publisher: str, *, listed: bool = True
    ) -> list[Forbidden | None]:
        """For each event, why the publisher may say none of the facts that it can be read as, of which ingest chooses
        one. Without `listed` as for `require`."""
        found = await self._ledger.in_thread(lambda: self._refused(events, publisher, listed=listed))
        for refused in found:
            if refused is not None:
                self._forbidden.labels(refused.lacks).inc()
                self._ledger.log.warning("not permitted", publisher=publisher, reason=refused.reason)
        return found

    def _refused(self, events: Sequence[Sequence[Fact]], publisher: str, *, listed: bool) -> list[Forbidden | None]:
        catalog = self._ledger.catalog()
        if not is_judged(catalog):
            return [None] * len(events)
        with reading(self._ledger.engine) as connection:
            names = latest_names(connection)
            known = [[fact.renamed(names.now) for fact in readings] for readings in events]
            about = [fact for readings in known for fact in readings if isinstance(fact, AboutDeployment)]
            located = locate(connection, about, lock=False)
        catalog = under(catalog, names)
        access = catalog.access
        grants = access.granted(publisher) if listed or access.lists(publisher) else EVERYTHING

        def refused(fact: Fact) -> Forbidden | None:
            certain = isinstance(fact, AboutDeployment) and located.is_final(fact)  # else it may mean another one later
            return refusal(
                catalog,
                [(publisher, _as_gateway(grants) if grants and is_reserved(fact.source) else grants)],
                fact,
                located.of(fact) if certain and isinstance(fact, AboutDeployment) else None,
                seeks=seeks(fact),
            )

        found = [[refused(fact) for fact in readings] for readings in known]
        return [of_each[0] if all(of_each) else None for of_each in found]


def _as_gateway(grants: Sequence[Grant]) -> list[Grant]:
    """For a fact that the gateway writes: it names its sender truly, and its source is the gateway's."""
    return [replace(grant, vouches=True, sources=ANY) for grant in grants]
