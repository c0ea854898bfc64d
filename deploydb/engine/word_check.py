"""Whether a person's word or order would count now, and why not: asked before it is published.

An approval is counted as its gate counts it. An order is tried: `decide` runs with it, and without it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.evaluation.lanes import is_obsolete
from deploydb.domain.formatting import listed
from deploydb.domain.gate_wording import uncounted_text
from deploydb.domain.gates import GateContext
from deploydb.domain.gates.manual import ManualPromotion, count
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.evidence import Approval, Evidence
from deploydb.domain.model.overrides import Hold, Hotfix, PromotionRequest, standing
from deploydb.domain.model.promotions import FREEZE
from deploydb.domain.model.reasons import AwaitingStages, NotRecorded
from deploydb.domain.suggestions import close_match, shown, suggestion
from deploydb.domain.wording import text
from deploydb.engine.settle import settled


class Approvers(Struct, frozen=True, kw_only=True):
    """The people whose word counts for a gate. `names`: None where it is anybody's; `but`: its authors."""

    names: tuple[str, ...] | None
    but: tuple[str, ...] = ()

    def include(self, person: str) -> bool:
        """Whether the person's approval counts."""
        return person not in self.but and (self.names is None or person in self.names)


def approvers(catalog: Catalog, promotion: str, authors: tuple[str, ...]) -> Approvers:
    """The people whose approval counts for a manual promotion, or for passing a freeze."""
    manual = _manual(catalog, promotion)
    if manual is None:
        return Approvers(names=())
    but = authors if not manual.allow_author else ()
    if not manual.groups and promotion != FREEZE:
        return Approvers(names=None, but=but)
    members = {person for group in manual.groups for person in catalog.groups.get(group, ())}
    return Approvers(names=tuple(sorted(members.difference(but))), but=but)


def approval_obstacle(
    catalog: Catalog,
    deployment: Deployment,
    word: Approval,
    holds: Sequence[Hold],
    now: datetime,
    *,
    errored: Collection[str] = (),
    was_open: bool = False,
) -> str | None:
    """Why a word on a deployment would not count; None where it would, now or once it is asked for. `errored`: the
    gates that cannot tell, for which those who may override answer. `was_open`: the deployment has changed since the
    word was recorded, perhaps by it."""
    version, environment = deployment.release.artifact.version, deployment.environment
    manual = _manual(catalog, word.promotion)
    if manual is None and word.promotion not in errored:
        known = [name for name in catalog.promotions if _manual(catalog, name) is not None]
        return f"{word.promotion} is no manual promotion{close_match(word.promotion, known)}"
    closed = _closed(catalog, deployment, word.promotion, was_open=was_open)
    if closed is not None:
        return closed
    if manual is None:
        manual = ManualPromotion(ident=word.promotion, groups=catalog.freeze_overriders)
        if not manual.groups:
            return "no group may answer for a gate: `override_freeze` in access.yml names them"
    if word.promotion == FREEZE:
        if not manual.groups:
            return "no group may override a freeze: `override_freeze` in access.yml names them"
        if not standing(holds, "freeze", environments=(None, environment), version=None, now=now):
            return f"no freeze stands over {version} in {environment}"
    context = GateContext(deployment=deployment, now=now, evidence=Evidence(approvals=(word,)), groups=catalog.groups)
    votes = count(manual, context)
    if not votes.uncounted:
        return None
    asked = word.promotion if _manual(catalog, word.promotion) is not None else FREEZE
    who = approvers(catalog, asked, deployment.release.authors)
    people = f"; {listed(who.names, 'or')} would count" if who.names else ""
    return uncounted_text(votes.uncounted[0]) + people


def unknown_promotion(catalog: Catalog, service: str, environment: str, promotion: str) -> str | None:
    """A promotion that guards no gate of the lane, with the nearest one that does; None for the others, and for a lane
    that is not configured."""
    asked = catalog.promotions_of(service, environment)
    if asked is None or promotion in asked:
        return None
    return f"no promotion {shown(promotion)} of {service} in {environment}{close_match(promotion, asked)}"


def unlisted(catalog: Catalog, module: str) -> str | None:
    """A module that no service has, with the nearest one that one has; None for the others."""
    if catalog.services_of(module):
        return None
    modules = {module for one in catalog.services.values() for module in one.artifacts}
    return f"no service has the artifact {shown(module)}{suggestion(module, modules)}"


def promotion_outcome(
    catalog: Catalog, snapshot: ServiceSnapshot, order: PromotionRequest, deployment: Deployment | None, now: datetime
) -> tuple[bool, str | None]:
    """Whether an order to promote a deployment's version would count; why not, or what it would wait for. Without one:
    the order gives the version a deployment in a lane that it has none in."""
    ordered = replace(snapshot, promotion_requests=(*snapshot.promotion_requests, order))
    if deployment is None:
        made = _promoted(settled(catalog, ordered, now).deployments, order)
        if made is None:
            return False, f"{order.version} does not go to {order.environment}"
        before, after = replace(made, requested_at=None), made
    else:
        before, after = (_last(settled(catalog, known, now).deployments, deployment) for known in (snapshot, ordered))
    reason = text(after.status_reason or NotRecorded())
    if after.status is Status.NOT_STARTED:
        return True, reason
    if after.active and _has_entered(before, after):
        return True, None
    return False, f"{after.release.artifact.version} is {after.status} in {after.environment}: {reason}"


def hotfix_outcome(
    catalog: Catalog, snapshot: ServiceSnapshot, order: Hotfix, flow: Sequence[Deployment], now: datetime
) -> tuple[bool, str | None]:
    """Whether a hotfix would let a flow go on; why not, or what its next stage would wait for."""
    ordered = replace(snapshot, hotfixes=(*snapshot.hotfixes, order))
    before, after = (settled(catalog, known, now).deployments for known in (snapshot, ordered))
    stages = [_last(after, one) for one in flow]
    waiting = [one for one in stages if one.status is Status.NOT_STARTED and not _is_dead_end(one)]
    if any(then.active and _has_entered(_last(before, one), then) for one, then in zip(flow, stages, strict=True)):
        return True, None
    if waiting:
        return True, text(waiting[0].status_reason or NotRecorded())
    ended = [one for one in stages if one.status not in (Status.SUCCESS, Status.COMPLETED)]
    if not ended:
        return False, "it is in each of its stages"
    one = ended[0]
    reason = text(one.status_reason or NotRecorded())
    return False, f"{one.release.artifact.version} is {one.status} in {one.environment}: {reason}"


def _last(deployments: Mapping[int, Deployment], known: Deployment) -> Deployment:
    """The last attempt of a deployment's flow in its lane, but for one that is not needed."""
    place = (known.flow, known.environment)
    lane = (one for one in deployments.values() if (one.flow, one.environment) == place and not is_obsolete(one))
    found = lane if known.flow is not None else filter(None, [deployments.get(known.id)])
    return max(found, key=lambda one: one.id, default=known)


def _promoted(deployments: Mapping[int, Deployment], order: PromotionRequest) -> Deployment | None:
    """The deployment that an order has given its version."""
    lane = (order.environment, order.version)
    there = (one for one in deployments.values() if (one.environment, one.release.artifact.version) == lane)
    return max((one for one in there if one.flow is not None), key=lambda one: one.id, default=None)


def _has_entered(before: Deployment, after: Deployment) -> bool:
    """Whether it is there by a command that would not be given else."""
    return (after.id, after.requested_at) != (before.id, before.requested_at)


def _is_dead_end(deployment: Deployment) -> bool:
    reason = deployment.status_reason
    return isinstance(reason, AwaitingStages) and bool(reason.failed)


def _closed(catalog: Catalog, deployment: Deployment, promotion: str, *, was_open: bool) -> str | None:
    """Why no word on the deployment can count any more; None where one can, or could while it `was_open`."""
    version, environment = deployment.release.artifact.version, deployment.environment
    reason = text(deployment.status_reason or NotRecorded())
    if deployment.status is Status.SKIPPED or deployment.replaced_at is not None:
        return f"{version} will not come to {environment}: {reason}"
    if was_open:
        return None
    if deployment.status is Status.SUCCESS:
        return f"{version} is through {environment} already"
    at_gate = deployment.result == "FAILED" and deployment.failure_response == "stop"  # a later word may turn it
    if deployment.status is Status.FAILED and deployment.failure_response not in (None, "retry") and not at_gate:
        return f"{version} failed in {environment}: {reason}"
    service = catalog.services.get(deployment.service)
    stages = {stage.environment: stage for stage in catalog.stages(service)} if service is not None else {}
    if service is None or environment not in stages:
        return f"{environment} is no stage of {deployment.service}"
    leaving = {one.ident for one in catalog.exit_promotions(service, stages[environment])}
    if deployment.status is not Status.NOT_STARTED and promotion not in leaving:
        return f"{version} has entered {environment} already"
    return None


def _manual(catalog: Catalog, promotion: str) -> ManualPromotion | None:
    if promotion == FREEZE:
        return ManualPromotion(ident=FREEZE, groups=catalog.freeze_overriders)
    found = catalog.promotions.get(promotion)
    return found if isinstance(found, ManualPromotion) else None
