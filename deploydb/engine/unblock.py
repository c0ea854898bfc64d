"""The unblocking of a deployment: the fewest needs, and the earliest time at which it is commanded, or verified.

`decide` runs forward in memory, as if people, jobs and orchestrators answered at once. Then each need is left out in
turn: one without which the goal is reached as early is none.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.formatting import listed
from deploydb.domain.model.admission_reasons import BranchElsewhere, ModuleRemoved, StageRemoved
from deploydb.domain.model.catalog import Catalog, Order
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.reasons import FailedBeside, NotRecorded, RollbackOf, TakenBackBeside
from deploydb.domain.outlook import parts
from deploydb.domain.wording import text
from deploydb.engine.forward import Forward, Goal
from deploydb.engine.needs import Key, Need
from deploydb.engine.trial import Trial

Answers = Callable[[Deployment], bool]
"""Whether anybody answers for a deployment."""
_MOST_LOOKS = 300_000
"""Looks at a deployment to find the fewest needs (about 5 s): in a line of dozens, what is left is not tried."""
_KINDS = ("deployment", "hold", "approval", "report", "other", "time", "window")


class Unblock(Struct, frozen=True, kw_only=True):
    """The needs, in the order of the way, and the first moment at which the goal is reached.

    `earliest` is None where nothing leads there: `instead` says what to do then; or where its time is unknown, as in a
    line of hundreds, of which the needs are those of now.
    """

    needs: tuple[Need, ...] = ()
    earliest: datetime | None = None
    instead: str | None = None
    goal: Goal = "entered"


def unblock(catalog: Catalog, snapshot: ServiceSnapshot, deployment_id: int, now: datetime) -> Unblock | None:
    """The needs that bring a deployment into its environment; of one that runs there, those that verify it.

    None where it is there and verified. `snapshot.good`: of each stage, since a run may come to a rollback. Raises:
    KeyError for a deployment that is not in the snapshot.
    """
    target = {one.id: one for one in snapshot.deployments}[deployment_id]
    if target.status is Status.SUCCESS:
        return None
    entering = target.status in (Status.NOT_STARTED, Status.CREATED, Status.STARTED)
    goal: Goal = "entered" if entering else "verified"
    service = catalog.services.get(snapshot.service)
    incomplete = catalog.incomplete.get(snapshot.service)
    if incomplete is not None:
        return Unblock(instead=f"configure what {snapshot.service} lacks: {listed(incomplete.lacks)}", goal=goal)
    if service is None:
        return Unblock(instead=f"configure {snapshot.service} again", goal=goal)
    if target.environment not in catalog.environments_of(service.ident):
        removed = StageRemoved(environment=target.environment, service=service.ident)
        return Unblock(instead=f"add {target.environment} to a pipeline of {service.ident}: {text(removed)}", goal=goal)
    module = target.release.artifact.module
    if module not in service.artifacts and target.status is Status.NOT_STARTED:
        unlisted = ModuleRemoved(module=module, service=service.ident)
        return Unblock(instead=f"list {module} in {service.ident}: {text(unlisted)}", goal=goal)

    elsewhere = _elsewhere(target)
    if elsewhere is not None:
        return Unblock(instead=promote_or_take(service.ident, target.environment, elsewhere), goal=goal)

    permissions = (_is_own(target), _is_not_newer(target, service.order), _everybody)
    runs = []
    reached: list[tuple[datetime, int, Trial]] = []
    for place, answers in enumerate(permissions):
        run = Forward(catalog, snapshot, target, now, goal=goal, answers=answers).run()
        runs.append(run)
        if run.reached_at is None:
            continue
        only = run.given.keys()
        real = Trial(catalog, snapshot, target, now, goal=goal, answers=answers, only=only).run(until=run.reached_at)
        if real.reached_at is not None:
            reached.append((real.reached_at, place, real))
        if real.reached_at == now:
            break
    if not reached:
        first = Forward(catalog, snapshot, target, now, goal=goal, answers=_everybody).run(rounds=1)
        newer = newer_in(snapshot, target.environment, module, target.release.order_key(service.order), service.order)
        return _blocked(runs, first, target, goal, newer)
    _, _, best = min(reached, key=lambda found: found[:2])
    run, needs = _fewest(best)
    return Unblock(needs=_in_order(_latest(needs), run), earliest=run.reached_at, goal=goal)


def newer_in(
    snapshot: ServiceSnapshot, environment: str, module: str, key: tuple[object, ...], order: Order
) -> str | None:
    """`prod runs 1.5, which is newer`; else that such a one is on its way there. `key`: the release's, in its order."""
    runs = snapshot.running.get((environment, module))
    if runs is not None and runs.release.order_key(order) > key:
        return f"{environment} runs {runs.release.artifact.version}, which is newer"
    lane = [one for one in snapshot.deployments if one.environment == environment and one.needs_evaluation]
    coming = [one.release for one in lane if one.release.artifact.module == module]
    newest = max(coming, key=lambda one: one.order_key(order), default=None)
    if newest is None or newest.order_key(order) <= key:
        return None
    return f"{newest.artifact.version}, which is newer, is on its way to {environment}"


def _elsewhere(target: Deployment) -> BranchElsewhere | None:
    """The reason that the pipeline of its stage, or one before it, does not take its version."""
    reason = target.status_reason if target.status is Status.NOT_STARTED else None
    found = (part for part in parts(reason) if isinstance(part, BranchElsewhere)) if reason is not None else iter(())
    return next(found, None)


def promote_or_take(service: str, environment: str, elsewhere: BranchElsewhere) -> str:
    """What brings a version to a lane of another branch."""
    promote = f"promote it (`deploydb promote {service} {environment} {elsewhere.version} --reason WHY`)"
    return f"{promote}, or add {elsewhere.version} to `branches` of {elsewhere.pipeline}: {text(elsewhere)}"


def _is_own(target: Deployment) -> Answers:
    return lambda deployment: deployment.id == target.id or deployment.flow == target.flow is not None


def _is_not_newer(target: Deployment, order: Order) -> Answers:
    def is_not_newer(deployment: Deployment) -> bool:
        release = deployment.release
        newer = release.order_key(order) > target.release.order_key(order)
        return not newer or release.artifact.module != target.release.artifact.module

    return is_not_newer


def _everybody(_: Deployment) -> bool:
    return True


def _fewest(run: Trial) -> tuple[Trial, list[Need]]:
    """A run with as few answers as can be that reaches the goal as early, many left out at once first; and its needs:
    the answers, and the times without which it is not reached. What is not tried, for its cost, is a need."""
    looks = left_out = 0
    needed_at = dict[Key, int]()
    groups: dict[tuple[int, bool], list[Key]] = defaultdict(list)

    def trial(keys: Collection[Key], never: Collection[Key] = ()) -> Trial | None:
        nonlocal looks
        if looks > _MOST_LOOKS:
            return None
        found = run.without(keys, never).run(until=run.reached_at)
        looks += found.looks
        as_good = found.reached_at == run.reached_at or (found.reached_at is not None and not found.failed)
        return found if as_good else None  # earlier by a failure is no answer

    def leave_out(keys: Sequence[Key]) -> None:
        nonlocal run, left_out
        keys = [key for key in keys if key in run.given and needed_at.get(key) != left_out]
        shorter = trial(keys) if keys else None
        if shorter is not None:
            run = shorter
            left_out += 1
        elif len(keys) == 1:
            needed_at[keys[0]] = left_out
        elif keys:
            leave_out(keys[: len(keys) // 2])
            leave_out(keys[len(keys) // 2 :])

    for key, need in reversed(run.given.items()):
        if not need.timed:
            groups[_place(need, run), _is_of_others(need, run)].append(key)
    for _, keys in sorted(groups.items(), reverse=True):
        leave_out(keys)
    seen = None
    while seen != left_out:  # what was needed beside these may be none now
        seen = left_out
        for key in [*needed_at]:
            leave_out([key])
    return run, [need for key, need in run.given.items() if not need.timed or trial((), {key}) is None]


def _blocked(runs: Sequence[Forward], first: Forward, target: Deployment, goal: Goal, newer: str | None) -> Unblock:
    """No answer leads there: what to do instead, or the times that never meet; or no time is known, since it depends on
    the failure of a deployment without an answer, or the line is too long to run through: what is needed `first`.
    `newer`: the one that is there, or comes."""
    own, *_ = sorted(runs, key=lambda run: run.reached_at is None)
    if own.waiting or own.reached_at is not None:
        return Unblock(needs=_in_order((own.given | own.waiting).values(), own), goal=goal)
    if runs[-1].given_up:
        return Unblock(needs=_in_order(first.waiting.values(), first), goal=goal)
    ended = next((run.target for run in runs if run.target.status is Status.SKIPPED), own.target)
    reason, version = text(ended.status_reason or NotRecorded()), ended.release.artifact.version
    if ended.kind == "rollback":
        return Unblock(instead=f"ask for a rollback to another version: {reason}", goal=goal)
    if newer is not None and target.status is Status.SKIPPED:
        return Unblock(instead=newer, goal=goal)
    verb = "was" if target.status is Status.SKIPPED else "would be"
    if isinstance(ended.status_reason, FailedBeside | TakenBackBeside | RollbackOf):
        where = f"{ended.service} {ended.environment} {version}"
        promote = f"promote it (`deploydb promote {where} --reason WHY`), or publish a newer version"
        return Unblock(instead=f"{promote}: {reason}", goal=goal)
    skipped = f"in {ended.environment} it {verb} skipped: " if ended.status is Status.SKIPPED else ""
    instead = newer or f"publish a newer version than {version}"
    return Unblock(instead=f"{instead}: {skipped}{reason}", goal=goal)


def _latest(needs: Sequence[Need]) -> list[Need]:
    """Of the times of one stage those that come last: the others delay nothing."""
    last: dict[tuple[object, ...], datetime] = {}
    for need in needs:
        if need.earliest is not None:
            last[_stage(need)] = max(last.get(_stage(need), need.earliest), need.earliest)
    return [need for need in needs if need.earliest in (None, last.get(_stage(need)))]


def _in_order(needs: Collection[Need], run: Forward) -> tuple[Need, ...]:
    """By stage, upstream first; those of other releases, which go first, before its own."""

    def turn(need: Need) -> tuple[int, ...]:
        environment = _place(need, run)
        if _is_of_others(need, run):
            return (environment, 0)
        side = 1 if need.kind == "deployment" else 0 if _enters(need) else 2
        return (environment, 1, side, _KINDS.index(need.kind))

    return tuple(_named(need, run) for need in sorted(needs, key=turn))


def _place(need: Need, run: Forward) -> int:
    """The place of its environment among the stages."""
    environments = run.environments
    return environments.index(need.environment) if need.environment in environments else len(environments)


def _is_of_others(need: Need, run: Forward) -> bool:
    """Whether it is about a deployment of another flow."""
    return need.deployment is not None and not _is_own(run.target)(run.deployment(need.deployment))


def _stage(need: Need) -> tuple[object, ...]:
    return (need.environment, need.deployment, need.phase)


def _enters(need: Need) -> bool:
    return need.phase == "entry" or (need.phase is None and need.kind in ("hold", "time"))


def _named(need: Need, run: Forward) -> Need:
    """A need of another release says whose it is."""
    if need.kind == "deployment" or need.deployment is None or not _is_of_others(need, run):
        return need
    deployment = run.deployment(need.deployment)
    return replace(need, text=f"{need.text} (of {deployment.release.artifact.version}, which goes first)")
