"""What a deployment needs: an action of a person, a job or an orchestrator, or a time that comes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.formatting import listed
from deploydb.domain.gate_wording import incidents_text
from deploydb.domain.gates import GateContext, Requirement
from deploydb.domain.model.admission_reasons import Held
from deploydb.domain.model.deployment import Deployment, Phase, Verdict
from deploydb.domain.model.evidence import Incident
from deploydb.domain.model.overrides import Hold, standing
from deploydb.domain.model.promotions import FREEZE, INCIDENT
from deploydb.domain.wording import text

Key = tuple[object, ...]
"""The identity of a need, the same in each run from one snapshot. Its first item says what is meant by the rest:

("finish", DEPLOYMENT), ("attempt", DEPLOYMENT), ("gate", DEPLOYMENT, PHASE, PROMOTION),
("incident", ENVIRONMENT, NAME), ("hold", *KEY).
"""
Kind = Literal["approval", "report", "time", "window", "hold", "deployment", "rollback", "other"]


class Need(Struct, frozen=True, kw_only=True):
    """One thing that must happen, in an environment; of a gate, on which side (`phase`).

    `deployment`: its id; None: of the lane. `earliest`: of a `timed` one, which time alone brings; None there: its time
    is not known.
    """

    key: Key
    kind: Kind
    text: str
    environment: str
    promotion: str | None = None
    phase: Phase | None = None
    earliest: datetime | None = None
    deployment: int | None = None
    timed: bool = False


def gate_need(requirement: Requirement, verdict: Verdict, context: GateContext) -> Need:
    """The need of a gate that has not passed."""
    return Need(
        key=("gate", context.deployment.id, verdict.phase, verdict.promotion),
        kind=requirement.kind,
        text=requirement.text,
        environment=context.deployment.environment,
        promotion=verdict.promotion,
        phase=verdict.phase,
        earliest=requirement.at,
        deployment=context.deployment.id,
        timed=requirement.kind in ("time", "window"),
    )


def deployment_need(deployment: Deployment, *, begun: bool) -> Need:
    """The end of an active deployment. `begun`: it has been commanded already."""
    what = "rollback" if deployment.kind == "rollback" else "deployment"
    name = f"the {what} of {deployment.release.artifact.version} to {deployment.environment}"
    finished = f"{name} to finish" if begun else name
    return Need(
        key=("finish", deployment.id),
        kind="deployment",
        text=finished,
        environment=deployment.environment,
        deployment=deployment.id,
    )


def attempt_need(deployment: Deployment) -> Need:
    """The time of a further attempt."""
    return Need(
        key=("attempt", deployment.id),
        kind="time",
        text=f"the time of attempt {deployment.attempt}",
        environment=deployment.environment,
        earliest=deployment.not_before,
        deployment=deployment.id,
        timed=True,
    )


def incident_need(incident: Incident, environment: str) -> Need:
    """The end of an incident."""
    over = f"{incidents_text((incident.report,))} to be over"
    key = ("incident", environment, incident.name)
    return Need(key=key, kind="report", text=over, environment=environment, promotion=INCIDENT)


def hold_need(hold: Hold, environment: str) -> Need:
    """The end of a hold: at its time, or by a person."""
    held = _without_end(hold.held)
    end = f"the end of the {hold.kind} ({held})" if hold.until is not None else f"the {hold.kind} to be lifted ({held})"
    return Need(
        key=("hold", *hold.key),
        kind="hold",
        text=end,
        environment=environment,
        earliest=hold.until,
        timed=hold.until is not None,
    )


def _without_end(held: Held) -> str:
    """A hold as a part of a sentence, in brackets."""
    return text(replace(held, begins=None, until=None))


def override_need(deployment: Deployment, holds: Sequence[Hold], overriders: Sequence[str], now: datetime) -> Need:
    """The override of the freezes over a deployment."""
    environment = deployment.environment
    freezes = standing(holds, "freeze", environments=(None, environment), version=None, now=now)
    end = "; ".join(_without_end(hold.held) for hold in freezes)
    override = f"an override of the freeze by {listed(overriders, 'or')}, or its end ({end})"
    return Need(
        key=("gate", deployment.id, "entry", FREEZE),
        kind="hold",
        text=override,
        environment=environment,
        promotion=FREEZE,
        phase="entry",
        deployment=deployment.id,
    )


def is_against(hold: Hold, deployment: Deployment, environment: str) -> bool:
    """Whether a hold keeps the deployment's release out of an environment while it stands."""
    version = deployment.release.artifact.version
    if hold.environment not in (None, environment):
        return False
    match hold.kind:
        case "veto":
            return hold.version == version
        case "pin":
            return hold.version != version
        case "pause":
            return deployment.kind == "deploy"
        case "freeze":
            return True
