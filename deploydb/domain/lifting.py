"""What would lift the holds at a door: their ends, people who lift them, and for a freeze an override."""

from deploydb.domain.dead_ends import DeadEndError
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.gates.formatting import listed
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, GateStatus
from deploydb.domain.model.overrides import Hold, standing
from deploydb.domain.model.promotions import FREEZE
from deploydb.domain.needs import Need, Reached
from deploydb.domain.wording import joined, text


def holds_against(evaluation: Evaluation, holds: Holds, catalog: Catalog, deployment: Deployment) -> Reached:
    """What must become of the holds that stand against a deployment.

    Raises: DeadEndError for a rollback that a hold rules out.
    """
    reached = Reached(at=evaluation.now)
    for hold in _versions(holds, deployment):
        reached = reached.then((_lifted(hold, deployment.environment),), hold.until)
    frozen = holds.frozen(deployment)
    if frozen is None or frozen.outcome is GateStatus.PASS:
        return reached
    freezes = standing(
        evaluation.holds, "freeze", environments=(None, deployment.environment), version=None, now=evaluation.now
    )
    if catalog.freeze_overriders:
        people, held = listed(catalog.freeze_overriders, "or"), joined(hold.held for hold in freezes)
        override = f"an override of the freeze by {people}, or its end ({held})"
        return reached.then((Need(kind="hold", text=override, environment=deployment.environment, promotion=FREEZE),))
    for hold in freezes:
        reached = reached.then((_lifted(hold, deployment.environment),), hold.until)
    return reached


def _versions(holds: Holds, deployment: Deployment) -> list[Hold]:
    """The vetoes, pins and pauses."""
    version, environment = deployment.release.artifact.version, deployment.environment
    veto, pin = holds.veto(environment, version), holds.pin(environment)
    found = [veto] if veto is not None else []
    found += [pin] if pin is not None and pin.version != version else []
    if deployment.kind == "rollback" and found:
        raise DeadEndError(f"ask for a rollback to another version: {text(found[0].held)}")
    return found + (holds.pauses(environment) if deployment.kind == "deploy" else [])


def _lifted(hold: Hold, environment: str) -> Need:
    end = f"the end of the {hold.kind}" if hold.until is not None else f"the {hold.kind} to be lifted"
    return Need(kind="hold", text=f"{end} ({text(hold.held)})", environment=environment, earliest=hold.until)
