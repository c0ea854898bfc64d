"""Why a version is, or is not, in an environment: one sentence, and the stages and gates behind it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.admission_reasons import SkippedByHotfix
from deploydb.domain.model.catalog import After, Catalog
from deploydb.domain.model.gate_reasons import ApprovalDeferred
from deploydb.domain.model.outcome_reasons import ExpiryDeferred
from deploydb.domain.model.reason_parts import mentions
from deploydb.domain.model.reasons import FinishedLate, NotRecorded, Reason
from deploydb.domain.wording import clause, hotfix_text, text
from deploydb.query.as_of import Catalogs
from deploydb.query.bodies import ReasonBody
from deploydb.query.branch_view import BranchBody
from deploydb.query.command_queues import UnconsumedQueue
from deploydb.query.flow_path import stages_before, walked
from deploydb.query.group_waits import GroupWait
from deploydb.query.outlook_view import failures_of
from deploydb.query.set_aside import SetAside
from deploydb.query.stage_bodies import StageBody, stage_body
from deploydb.query.starvation import Starved
from deploydb.query.unblock_view import ReleasingBody
from deploydb.store.queries.deployments import DeploymentView, ResultView
from deploydb.store.queries.lanes import RunningView


class Why(Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a version is, or is not, in an environment. `at`: as it was known then; else `releasing`, null where nothing
    is left to be released, or the service is set aside. `running_since`: of what its lane runs of the module.
    `near_misses`: awaited reports that came under another name. `circles`: its circular waits in the configuration.
    `conflict`: another publication of the version has another file. `group_waits`: what occupies other lanes of its
    parallel group. `unconsumed`: queues of its commands without a consumer. `branch`: of a version that does not come
    there by itself, since its pipeline takes others."""

    at: str | UnsetType = UNSET
    service: str
    environment: str
    version: str
    digest: str | None
    answer: str
    running_since: str | UnsetType = UNSET
    stages: list[StageBody]
    releasing: ReleasingBody | UnsetType | None = UNSET
    near_misses: list[ReasonBody] | UnsetType = UNSET
    conflict: str | UnsetType = UNSET
    group_waits: list[GroupWait] | UnsetType = UNSET
    circles: list[ReasonBody] | UnsetType = UNSET
    starved: list[Starved] | UnsetType = UNSET
    unconsumed: list[UnconsumedQueue] | UnsetType = UNSET
    branch: BranchBody | UnsetType = UNSET
    set_aside: SetAside | UnsetType = UNSET


def explain(
    catalog: Catalog,
    meant: DeploymentView,
    flow: Sequence[DeploymentView],
    running: Sequence[RunningView],
    catalogs: Catalogs,
    now: datetime,
    passed: Collection[str] = (),
) -> Why:
    """The answer about one deployment. `flow`: its flow's, in the order of stages; `running`: what its lane runs;
    `now`: the time that the answer is of; `passed`: the stages that an order of a person passes by."""
    after = stages_before(catalog, flow, meant)
    way = walked(meant, flow, after)
    runs = next((view for view in running if view.module == meant.artifact.module), None)
    failures = failures_of(flow)
    return Why(
        service=meant.service,
        environment=meant.environment,
        version=meant.artifact.version,
        digest=meant.artifact.digest,
        answer=_answer(meant, way, after, runs, passed),
        running_since=runs.since.isoformat() if runs is not None else UNSET,
        stages=[stage_body(catalog, view, after, catalogs, failures, now) for view in way],
    )


def _answer(
    meant: DeploymentView,
    way: Sequence[DeploymentView],
    after: Mapping[str, After],
    runs: RunningView | None,
    passed: Collection[str],
) -> str:
    version, environment = meant.artifact.version, meant.environment
    here = runs is not None and runs.deployment == meant.id
    other = f"; {environment} runs {runs.version}" if runs is not None and not here else ""
    because = f": {text(meant.status_reason)}" if meant.status_reason is not None else ""
    match meant.status:
        case "SUCCESS" | "COMPLETED" if runs is not None and not here:
            unverified = because if meant.status == "COMPLETED" else ""
            return f"{version} was in {environment}{unverified}; {runs.version} runs there since {_at(runs.since)}"
        case "COMPLETED" if meant.kind != "external":
            return f"{version} is in {environment}{_since(runs)} and is not verified yet: {_waiting(meant)}"
        case "SUCCESS" | "COMPLETED":
            return f"{version} is in {environment}{_since(runs)}{because}"
        case "FAILED" if here:
            late = "; roll it back, or retry it" if isinstance(meant.status_reason, FinishedLate) else ""
            return f"{version} runs in {environment}{_since(runs)} and failed there{because}{_aftermath(meant)}{late}"
        case _ if runs is not None and not here and runs.version == version:
            attempt = (
                f" failed{because}{_aftermath(meant)}" if meant.status == "FAILED" else f": {_holding(meant, meant)}"
            )
            return f"{version} is in {environment}{_since(runs)}; another attempt{attempt}"
        case "SKIPPED":
            return f"{version} will not come to {environment}{because}{other}"
    causes = "; ".join(_holding(view, meant) for view in _holders(meant, way, after, passed))
    return f"{version} is not in {environment}: {causes}{other}"


def _holders(
    meant: DeploymentView, way: Sequence[DeploymentView], after: Mapping[str, After], passed: Collection[str]
) -> list[DeploymentView]:
    """The stages at which the flow is now: those furthest on its way that it has come to and not come out of. A stage
    that it passes by holds nothing; what comes before it may."""
    by_environment = {view.environment: view for view in way}

    def before(view: DeploymentView) -> list[DeploymentView]:
        names = after.get(view.environment, After()).environments
        return [by_environment[name] for name in names if name in by_environment]

    def is_through(view: DeploymentView) -> bool:
        out = view.status == "SUCCESS" or view.failure_response == "ignore"
        return out or (view.environment in passed and has_arrived(view))

    def has_arrived(view: DeploymentView) -> bool:
        come = [is_through(each) for each in before(view)]
        return all(come) or (after.get(view.environment, After()).need == "any" and any(come))

    holders: set[str] = set()
    seen: set[str] = set()
    look = [meant]
    while look:
        view = look.pop()
        if view.environment in seen:
            continue
        seen.add(view.environment)
        is_passed = view is not meant and view.environment in passed
        if not is_passed and (view.status != "NOT_STARTED" or has_arrived(view)):
            holders.add(view.environment)
        else:
            look += [each for each in before(view) if not is_through(each)]
    return [view for view in way if view.environment in holders]


def _holding(view: DeploymentView, meant: DeploymentView) -> str:
    """Why the flow has not come out of a stage."""
    environment, reason = view.environment, view.status_reason or NotRecorded()
    where = f"in {environment}" if view is not meant else "there"
    match view.status:
        case _ if isinstance(reason, ExpiryDeferred):
            return f"{_its(view)} {where} ({_numbered(view)}) is not answered, and its {text(reason)}"
        case "NOT_STARTED":
            door = f"at the door of {environment}" if view is not meant else "at its door"
            waits = clause(view.status_reason) if view.status_reason is not None else "it waits for its evaluation"
            return f"{door} {waits}"
        case "CREATED":
            deadline = f" and counts as failed from {_at(view.deadline)} on" if view.deadline else ""
            return f"{_its(view)} {where} ({_numbered(view)}) is commanded and not begun{deadline}"
        case "STARTED":
            return f"{_its(view)} {where} ({_numbered(view)}) has begun at {_at(view.started_at)} and is not finished"
        case "COMPLETED":
            return f"{where} {_waiting(view, clause)}"
        case "SKIPPED":
            why = hotfix_text(reason.hotfix) if isinstance(reason, SkippedByHotfix) else text(reason)
            return f"it was skipped {where}: {why}"
        case _:
            tried = f" {view.attempt} times" if view.attempt > 1 else ""
            return f"it failed {where}{tried}: {text(reason)}{_aftermath(view)}"


def _its(view: DeploymentView) -> str:
    return "its rollback" if view.kind == "rollback" else "its deployment"


def _numbered(view: DeploymentView) -> str:
    return f"{view.id}, attempt {view.attempt}" if view.attempt > 1 else str(view.id)


def _aftermath(view: DeploymentView) -> str:
    """What its failure led to."""
    return f"; {text(view.failure_response_detail)}" if view.failure_response_detail is not None else ""


def _waiting(view: DeploymentView, first: Callable[[Reason], str] = text) -> str:
    """The unmet exit gates of a deployment that has completed, each named unless its reason names it. `first`: renders
    the first of them."""
    judged = [result for result in view.results if result.phase == "exit" and result.outcome is not None]
    unmet = [result for result in judged if result.outcome != "PASS"]
    listed = [result for result in unmet if not isinstance(result.reason, ApprovalDeferred)] or unmet
    if not listed:
        # until its report is evaluated, a deployment has the reason that it was made for
        is_evaluated = bool(judged) or view.kind == "external" or view.status_reason != view.trigger_reason
        if view.status_reason is None or not is_evaluated:
            return "its deployment was reported, and has not been evaluated yet"
        return first(view.status_reason)
    return "; ".join(_named(result, text if index else first) for index, result in enumerate(listed))


def _named(result: ResultView, rendered: Callable[[Reason], str]) -> str:
    reason = result.reason or NotRecorded()
    return rendered(reason) if mentions(reason, result.promotion) else f"{rendered(reason)} ({result.promotion})"


def _since(runs: RunningView | None) -> str:
    return f" since {_at(runs.since)}" if runs is not None else ""


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment is not None else "an unknown time"
