"""A promotion result that is sent: the gate of the deployment that awaits it, and the fact that it becomes."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Literal

from msgspec import Struct
from starlette.exceptions import HTTPException

from deploydb.domain.formatting import listed
from deploydb.domain.gates import Promotion
from deploydb.domain.gates.checked import CheckedPromotion
from deploydb.domain.gates.reported import ReportedPromotion
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.facts import ApprovalGiven, ApprovalRefused, VerificationFinished
from deploydb.gateway.v1_requests import NewResult
from deploydb.http.errors import hint, not_found, shown
from deploydb.identity import Person
from deploydb.store.queries.deployments import DeploymentView, ResultView
from deploydb.v1_schema import PromotionResult, results_of

_RESULTS = ("SUCCESS", "FAILED")
_REFUSED = "FAILED, sent as a result of v1"
"""The reason of a refusal: v1 has no field for one."""
ResultFact = ApprovalGiven | ApprovalRefused | VerificationFinished


class Awaited(Struct, frozen=True, kw_only=True):
    """The result that is STARTED, and its promotion; None for one that is not configured any more. `job`: the job that
    the result is of."""

    result: ResultView
    promotion: Promotion | None
    job: str


def awaited(catalog: Catalog, view: DeploymentView, new: NewResult) -> Awaited:
    """The result of a deployment that a client has sent.

    Raises: HTTPException 404 where the deployment has no such promotion, 406 where it awaits no such result.
    """
    found = _found(catalog, view, new.name)
    if new.status not in _RESULTS:
        problem = "status is missing" if new.status is None else f"{new.status} is no result"
        raise HTTPException(406, f"{problem}: send SUCCESS or FAILED")
    status = PromotionResult.of(found.result, view).status
    if status != "STARTED":
        raise _awaits_none(view, new.name, status)
    promotion = found.promotion
    if promotion is None or promotion.asks_people:
        return found
    if not isinstance(promotion, ReportedPromotion) or isinstance(promotion, CheckedPromotion):
        raise HTTPException(406, f"{promotion.ident} is answered by DeployDB itself: it takes no result")
    if found.job not in promotion.reported_as:
        jobs = listed(promotion.reported_as)
        raise HTTPException(406, f"{promotion.ident} is answered by {jobs}: send the result of each by its own name")
    return found


def require_counted(view: DeploymentView, result: ResultView, name: str, number: int) -> None:
    """Raises: HTTPException 406 where a result that is evaluated does not come from the fact with this number: another
    one came first."""
    status = PromotionResult.of(result, view).status
    if status in _RESULTS and number not in result.inputs:
        raise _awaits_none(view, name, status)


def fact_of(
    view: DeploymentView, found: Awaited, new: NewResult, *, source: str, person: Callable[[], Person], now: datetime
) -> ResultFact:
    """The fact of a result. `person`: the person of the request, for a promotion that people answer.

    A further result after another report is another fact, also where it says the same.
    """
    content = "\0".join(map(str, (new.name, new.status, new.url, *found.result.inputs)))
    ident = f"v1/result/{view.id}/{sha256(content.encode()).hexdigest()[:40]}"
    if found.promotion is None or not found.promotion.asks_people:
        outcome: Literal["passed", "failed"] = "passed" if new.status == "SUCCESS" else "failed"
        return VerificationFinished(
            id=ident, source=source, deployment=view.id, promotion=found.job, outcome=outcome, url=new.url
        )
    by = person().name
    kind = ApprovalGiven if new.status == "SUCCESS" else ApprovalRefused
    return kind(
        id=ident,
        source=f"gateway/{by}",
        time=now,
        deployment=view.id,
        service=view.service,
        environment=view.environment,
        version=view.artifact.version,
        promotion=found.promotion.ident,
        by=by,
        comment=None if new.status == "SUCCESS" else _REFUSED,
        url=new.url,
    )


def _awaits_none(view: DeploymentView, name: str, status: str) -> HTTPException:
    return HTTPException(406, f"{shown(name)} of deployment {view.id} is {status}: it awaits no result")


def _found(catalog: Catalog, view: DeploymentView, name: str) -> Awaited:
    """By the name of the promotion, or of one of its jobs."""
    results = results_of(view)
    for result in results:
        promotion = catalog.promotions.get(result.promotion)
        jobs = promotion.reported_as if promotion is not None else ()
        if result.promotion == name:
            job = jobs[0] if len(jobs) == 1 else name
            return Awaited(result=result, promotion=promotion, job=job)
        if name in jobs and not isinstance(promotion, CheckedPromotion):
            return Awaited(result=result, promotion=promotion, job=name)
    names = {result.promotion for result in results}
    raise not_found(f"deployment {view.id} has no promotion {shown(name)}{hint(names)}")
