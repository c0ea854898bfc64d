"""What an answer asks for, given to a copy of the store: no more, no less, as soon as it can be given."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import Decisions
from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.deployment import Deployment, FactOrder, GateStatus, Status
from deploydb.domain.model.evidence import Approval, Evidence, Verification
from deploydb.domain.model.facts import DeploymentFinished
from deploydb.domain.model.promotions import FREEZE
from deploydb.engine.needs import Need
from deploydb.engine.unblock import Unblock, unblock
from tests.domain.scenario import Scenario


def feed(given: Scenario, target: int, found: Unblock, *, without: Need | None = None) -> datetime | None:
    """When the goal is reached, not later than `found` says; None: it is not. Each need is met, and nothing else.

    `without`: a need that is not met. A goal that is reached by a failure then is not counted: no answer counts on one.
    """
    it = given.copy()
    it.evaluate(0)
    left = [need.key for need in found.needs if not need.timed and need is not without]
    for _ in range(300):
        if _is_there(given.deployments[target], it.deployments[target]):
            return it.now if without is None or _failures(it) <= _failures(given) else None
        met = [key for key in left if _meet(it, key)]
        left = [key for key in left if key not in met]
        if met:
            it.evaluate(0)
            continue
        later = _look(it).recheck_at
        if later is None or found.earliest is None or later > found.earliest:
            return None
        it.now = later
        it.evaluate(0)
    raise AssertionError("it never comes to rest")


def _failures(it: Scenario) -> set[int]:
    return {id_ for id_, deployment in it.deployments.items() if deployment.status is Status.FAILED}


def _look(it: Scenario) -> Decisions:
    return decide(it.catalog, it.situation(), it.now)


def _is_there(before: Deployment, now: Deployment) -> bool:
    if before.status is Status.NOT_STARTED:
        return now.requested_at is not None
    if before.active:
        return now.outcome == "succeeded"
    return now.status is Status.SUCCESS or now.failure_response == "ignore"


def _meet(it: Scenario, key: tuple[object, ...]) -> bool:
    """Meet a need by the fact that a person, a job or an orchestrator would send; False where it is not asked yet."""
    match key:
        case ("finish" | "gate", int(id_), *_) if id_ not in it.deployments:
            return False  # an attempt that is still to come
        case ("finish", int(id_)):
            return _finish(it, it.deployments[id_])
        case ("gate", int(id_), str(phase), str(name)):
            return _answer(it, it.deployments[id_], phase, name)
        case ("incident", str(environment), str(name)):
            return _resolve(it, environment, name)
        case ("hold", *scope):
            return it.holds.pop(tuple(map(str, scope)), None) is not None
        case _:
            raise AssertionError(key)


def _resolve(it: Scenario, environment: str, name: str) -> bool:
    lane = [one for one in it.deployments.values() if one.environment == environment]
    heard = [it.ledger.statements.evidence(deployment, {}) or Evidence() for deployment in lane]
    open_ = [one for evidence in heard for one in evidence.incidents if one.name == name and one.open]
    for incident in open_[:1]:
        it.ledger.trouble(environment, replace(incident, open=False, recorded_at=None, at=_after(it, [incident.at])))
    return bool(open_)


def _finish(it: Scenario, deployment: Deployment) -> bool:
    if not deployment.active:
        return False
    fact = DeploymentFinished(
        id=str(next(it.ids)), source="\U0010ffff", time=it.now, deployment=deployment.id, outcome="succeeded"
    )
    it.merge(deployment, fact)
    return True


def _answer(it: Scenario, deployment: Deployment, phase: str, name: str) -> bool:
    verdict = it.ledger.verdicts(deployment.id).get((phase, name))
    if (deployment.status is Status.NOT_STARTED) != (phase == "entry"):
        return False
    if verdict is None or verdict.outcome is GateStatus.PASS:
        return False
    statements = it.ledger.statements
    before = Evaluation(it.situation(), it.now, it.catalog).evidence_at(deployment, verdict.phase)
    promotion = it.catalog.promotions.get(name)
    if name != FREEZE and not isinstance(promotion, ManualPromotion):
        at = _after(it, [one.at for one in before.verifications if one.promotion == name])
        report = Verification(promotion=name, outcome="passed", at=at, event=next(it.ids))
        statements.report(deployment.id, report)
        return True
    refusers = [one.by for one in before.approvals if one.promotion == name and not one.given]
    fresh = (f"person {number}" for number in count())
    approvals = promotion.approvals if promotion is not None else 1
    people = ["alice"] if name == FREEZE else [*refusers, *(next(fresh) for _ in range(approvals))]
    # the word of a person counts after the freeze, and after an earlier one, whatever the clock says
    earlier = [one.at for one in before.approvals] + [hold.at for hold in it.holds.values() if name == FREEZE]
    for by in people:
        word = Approval(promotion=name, by=by, given=True, at=_after(it, earlier), comment="go", event=next(it.ids))
        statements.approve(deployment.id, word)
    return True


def _after(it: Scenario, earlier: Sequence[FactOrder]) -> FactOrder:
    return FactOrder(max([it.now, *(at.time for at in earlier)]), "\U0010ffff", f"{next(it.ids):06}")


def asks_for_what_is_needed(it: Scenario, known: Deployment) -> None:
    """There is an answer of what unblocks a deployment, and it is true: what it asks for is enough, at the time that it
    gives and not before; and each need of it is one."""
    found = unblock(it.catalog, it.outlook(), known.id, it.now)
    if found is None or found.earliest is None:
        assert found is None or found.needs or found.instead
        return
    assert feed(it, known.id, found) == found.earliest
    for need in found.needs:
        if not need.timed:
            assert feed(it, known.id, found, without=need) is None, need
