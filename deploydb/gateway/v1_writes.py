"""The writes of the v1 interface. Each becomes a fact, and is answered once the effect of the fact can be read.

The id of a fact is a hash of its content: a write that is sent again after a 503 counts once. Checks come
in the order of the first implementation: 400, 422, 409, 404, 406.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Literal
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.formatting import listed
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.facts import (
    ApprovalGiven,
    ApprovalRefused,
    ArtifactPublished,
    DeploymentFinished,
    DeploymentStarted,
    Fact,
)
from deploydb.gateway.ledger import Ledger
from deploydb.gateway.v1_access import Writers
from deploydb.gateway.v1_delivery import V1Delivery, accepted, answer
from deploydb.gateway.v1_requests import NewResult, artifact_of, fields_of, status_of
from deploydb.gateway.v1_results import ResultFact, awaited, fact_of, require_counted
from deploydb.http.authentication import allowed
from deploydb.http.errors import existing, not_found, shown
from deploydb.http.ids import require_integer, row_id
from deploydb.http.negotiation import media_type
from deploydb.identity import APPROVE
from deploydb.store.effects.beforehand import beforehand
from deploydb.store.effects.effect import Effect, effect_of
from deploydb.store.engine import reading
from deploydb.store.environment_names import latest_names
from deploydb.store.queries.artifacts import ReleaseView, release_of_version
from deploydb.store.queries.deployments import DeploymentView, deployment_by_id
from deploydb.v1_schema import Artifact as ArtifactBody
from deploydb.v1_schema import Deployment as DeploymentBody
from deploydb.v1_schema import PromotionResult

WRITES = {"/api/artifacts": "POST", "/api/deployments/{id}": "PATCH", "/api/deployments/{id}/promotions": "POST"}
"""The method of each path."""
_REACHED_FROM = {
    "STARTED": ("CREATED",),
    "COMPLETED": ("CREATED", "STARTED"),
    "FAILED": ("CREATED", "STARTED"),
}


class V1Writes:
    def __init__(
        self, ledger: Ledger, delivery: V1Delivery, writers: Writers, trusts: Callable[[str | None], bool]
    ) -> None:
        self._ledger = ledger
        self._delivery = delivery
        self._writers = writers
        self._trusts = trusts

    def routes(self) -> list[Route]:
        endpoints = (self.artifact, self.status, self.result)
        return [
            Route(path, endpoint, methods=[method])
            for (path, method), endpoint in zip(WRITES.items(), endpoints, strict=True)
        ]

    async def artifact(self, request: Request) -> Response:
        """201 with the artifact, also where it is there already; 202 where its flows take longer.

        Raises: HTTPException 409 for another file of the version, 404 where no service would deploy it.
        """
        media, source = self._admit(request)
        file = artifact_of(await fields_of(request))
        known = await self._ledger.in_thread(lambda: self._known(file))
        if known is None:
            ident = _key("artifact", file.group, file.name, file.version, file.url or "", file.digest or "")
            fact = ArtifactPublished(id=ident, source=source, artifact=file)
            if await self._delivery.deliver(fact, request):
                known = await self._ledger.in_thread(lambda: self._known(file, published=True))
        if known is None:
            module = quote(f"{file.group}:{file.name}", safe=":")
            return accepted(request, media, f"/api/artifacts/by-module/{module}")
        return answer(request, 201, ArtifactBody.of(known), media, f"/api/artifacts/{known.id}")

    async def status(self, request: Request) -> Response:
        """200 with the deployment once promotion has evaluated its new status, 202 where that takes longer.

        Raises: HTTPException 404 without such a deployment, 406 for a status that it cannot reach, also where another
        report came first.
        """
        media, source = self._admit(request)
        require_integer(request.path_params["id"], "deployment")
        status = status_of(await fields_of(request))
        ident = row_id(request.path_params["id"], "deployment")
        await self._ledger.in_thread(lambda: self._require_reachable(ident, status))
        fact = _change(ident, status, source)
        if not await self._delivery.deliver(fact, request):
            return accepted(request, media, f"/api/deployments/{ident}")
        view, effect = await self._ledger.in_thread(lambda: self._after(ident, fact))
        if effect.counts is False:
            raise _unreachable(view, status)
        return answer(request, 200, DeploymentBody.of(view), media)

    async def result(self, request: Request) -> Response:
        """201 with the promotion result once promotion has evaluated it, 202 where that takes longer.

        Raises: HTTPException 404 without such a deployment or promotion, 406 where it awaits no such result, also where
        another one came first.
        """
        media, source = self._admit(request)
        require_integer(request.path_params["id"], "deployment")
        new = NewResult.of(await fields_of(request))
        ident = row_id(request.path_params["id"], "deployment")

        def checked() -> tuple[int, ResultFact]:
            view, catalog = self._deployment(ident), self._ledger.catalog()
            found, now = awaited(catalog, view, new), self._ledger.clock()
            fact = fact_of(view, found, new, source=source, person=lambda: allowed(request, APPROVE), now=now)
            if isinstance(fact, ApprovalGiven | ApprovalRefused):
                with reading(self._ledger.engine) as connection:
                    named = under(catalog, latest_names(connection))
                    tried = beforehand(connection, named, fact, now)
                if tried is not None and not tried.counts:
                    raise HTTPException(422, f"it would not count: {tried.why}")
            return found.result.id, fact

        result, fact = await self._ledger.in_thread(checked)
        location = f"/api/deployments/{ident}/promotions/{result}"
        if not await self._delivery.deliver(fact, request):
            return accepted(request, media, location)
        view, effect = await self._ledger.in_thread(lambda: self._after(ident, fact))
        found = next(one for one in view.results if one.id == result)
        if effect.recorded is not None:
            require_counted(view, found, new.name, effect.recorded.number)
        return answer(request, 201, PromotionResult.of(found, view), media, location)

    def _admit(self, request: Request) -> tuple[str, str]:
        """The media type of the answer, and the source of the request's facts."""
        media = media_type(request.headers.getlist("accept"))
        return media, self._writers.source(request, self._trusts)

    def _known(self, file: Artifact, *, published: bool = False) -> ReleaseView | None:
        """The release that the file is, where it is `published` already.

        Raises: HTTPException 409 where the version is another file, 404 where no service would deploy it.
        """
        with reading(self._ledger.engine) as connection:
            stored = release_of_version(connection, file.group, file.name, file.version)
        if stored is not None:
            for name, old, new in (("sourceUrl", stored.url, file.url), ("digest", stored.digest, file.digest)):
                if old is not None and new is not None and old != new:
                    message = f"{shown(str(file))} is known with {name} {shown(old)}: a version is one file"
                    raise HTTPException(409, message)
            if published or not (stored.observed or stored.historical):
                return stored
        catalog = self._ledger.catalog()
        services = [catalog.services[name] for name in catalog.services_of(file.module)]
        if not any(catalog.stages_of(service, file.version) for service in services):
            raise not_found(f"{shown(file.module)} {_missing(catalog, file.module)}: nothing is stored")
        return None

    def _require_reachable(self, ident: int, status: str) -> None:
        view = self._deployment(ident)
        if view.status not in _REACHED_FROM.get(status, ()):
            raise _unreachable(view, status)

    def _after(self, ident: int, fact: Fact) -> tuple[DeploymentView, Effect]:
        """A deployment once a fact about it has been evaluated, and what that has led to."""
        with reading(self._ledger.engine) as connection:
            effect = effect_of(connection, self._ledger.catalog(), fact.source, fact.id, self._ledger.clock())
        return self._deployment(ident), effect

    def _deployment(self, ident: int) -> DeploymentView:
        with reading(self._ledger.engine) as connection:
            return existing(deployment_by_id(connection, ident), f"deployment {ident}")


def _unreachable(view: DeploymentView, status: str) -> HTTPException:
    return HTTPException(406, f"deployment {view.id} is {view.status}: {status} cannot be reached from there")


def _missing(catalog: Catalog, module: str) -> str:
    """Why no service takes a release of a module."""
    if catalog.services_of(module):
        return "is in no pipeline that is configured"
    incomplete = catalog.incomplete_of(module)
    if not incomplete:
        return "is in no service that is configured"
    return "; ".join(f"is of {one.service.ident}, which lacks {listed(one.lacks, 'and')}" for one in incomplete)


def _change(ident: int, status: str, source: str) -> DeploymentStarted | DeploymentFinished:
    """The fact that a deployment has a status."""
    key = _key("deployment", str(ident), status)
    if status == "STARTED":
        return DeploymentStarted(id=key, source=source, deployment=ident)
    outcome: Literal["succeeded", "failed"] = "succeeded" if status == "COMPLETED" else "failed"
    return DeploymentFinished(id=key, source=source, deployment=ident, outcome=outcome)


def _key(*parts: str) -> str:
    """The id of a fact with this content: the same each time."""
    return f"v1/{parts[0]}/{sha256(chr(0).join(parts).encode()).hexdigest()[:40]}"
