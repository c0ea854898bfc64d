"""What an order, and a change of the catalog that is taken back, may change: tried on copies of a store."""

from collections.abc import Callable

from msgspec.structs import replace

from deploydb.domain.model.catalog import Catalog, Parallel, Pipeline, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.reasons import Reason
from deploydb.engine.word_check import promotion_outcome
from tests.domain.scenario import Scenario

Command = tuple[str, str, str, str, int]
State = tuple[object, Reason | None]


def acts_on_its_lane_alone(given: Scenario, environment: str, order: Callable[[Scenario], None]) -> None:
    """An order gives no command to a lane that it does not name, and takes none away but from a parallel group."""
    without, ordered = given.copy(), given.copy()
    order(ordered)
    without.evaluate(0)
    ordered.evaluate(0)
    service = given.catalog.services[given.service]
    beside = {name for group in given.catalog.parallel(service, environment) for name in group.environments}
    changed = _commands(given, ordered) ^ _commands(given, without)
    elsewhere = {command for command in changed if command[0] != environment}
    assert all(command[0] in beside for command in elsewhere), f"an order for {environment} changes {elsewhere}"
    assert not elsewhere & _commands(given, ordered), f"an order for {environment} commands {elsewhere}"


def is_answered(given: Scenario, order: Callable[[Scenario], None]) -> None:
    """A request is taken in one evaluation, with an answer: an attempt, or why there is none."""
    it = given.copy()
    order(it)
    it.evaluate(0)
    assert not it.ledger.wishes
    assert not it.ledger.retries
    assert len(it.answers) > len(given.answers)


def does_what_was_promised(given: Scenario, environment: str, version: str, module: str) -> None:
    """The check of a promotion before it is ordered is true: it enters, or waits, or nothing changes, unless the order
    takes the place of an earlier one, which let it pass stages by."""
    before = given.copy()
    before.evaluate(0)
    ordered, known = before.copy(), before.find(environment, version, module)
    ordered.promote(environment, version)
    asked = replace(ordered.outlook(), promotion_requests=before.outlook().promotion_requests)
    request = ordered.ledger.promotion_requests[environment, version]
    counts, why = promotion_outcome(before.catalog, asked, request, known, given.now)
    ordered.evaluate(0)
    commanded = [one for one in _commands(before, ordered) if one[:3] == (environment, version, module)]
    if counts and why is None:
        assert commanded, f"{version} was promised to enter {environment}"
    elif counts:
        assert ordered.find(environment, version, module).requested_at is None
    else:
        assert why
        earlier = any((one.environment, one.version) == (environment, version) for one in asked.promotion_requests)
        assert earlier or ordered.find(environment, version, module).status == known.status


def comes_back(given: Scenario, changed: Catalog) -> None:
    """A change of the catalog that takes something away, and is taken back at once, leaves no trace."""
    without, back = given.copy(), given.copy()
    without.evaluate(0)
    before = _states(without)
    back.evaluate(0)
    back.catalog = changed
    back.evaluate(0)
    back.catalog = given.catalog
    back.evaluate(0)
    after = _states(back)
    assert {key: after.get(key) for key in before} == before
    given_too = {command for command in _commands(given, back) if command[0] != INSERTED}
    assert given_too == _commands(given, without)
    assert {key[0] for key in after.keys() - before.keys()} <= {INSERTED}


def has_bundles(it: Scenario) -> bool:
    """Whether releases of several modules are of one commit."""
    built = {(one.release.artifact.commit, one.release.artifact.module) for one in it.deployments.values()}
    commits = [commit for commit, _ in built if commit is not None]
    return len(commits) > len(set(commits))


def has_hotfixes(it: Scenario) -> bool:
    """Whether a release that waits goes ahead of others."""
    waiting = {one.release.artifact.version for one in it.deployments.values() if one.status is Status.NOT_STARTED}
    return not waiting.isdisjoint(it.ledger.hotfixes)


def goes_on_by_another_name(given: Scenario, environment: str) -> None:
    """An environment that is renamed, and has its name back later, goes on as if it had kept its name."""
    without, other = given.copy(), given.copy()
    without.evaluate(0)
    other.rename({environment: RENAMED})
    other.evaluate(0)
    other.rename({RENAMED: environment})
    back = {key: status for key, (status, _) in _states(other).items()}
    assert back == {key: status for key, (status, _) in _states(without).items()}
    given_too = {(environment if one[0] == RENAMED else one[0], *one[1:]) for one in _commands(given, other)}
    assert given_too == _commands(given, without)
    made = len(other.commands)
    other.evaluate(0)
    assert len(other.commands) == made, "what is there already is commanded again"
    explained = {key: reason for key, (_, reason) in _states(other).items() if _is_open(other, key)}
    assert explained == {key: reason for key, (_, reason) in _states(without).items() if _is_open(without, key)}


RENAMED = "another-name"
INSERTED = "canary"


def changes(known: Catalog, kind: str) -> Catalog:
    """A catalog in which something stands in the way of releases that did not: a stage before the others or after
    them, no stage but the first one, no version that the pipeline takes, no service, or no module."""
    (service,) = known.services.values()
    pipeline = known.pipelines["main"]
    stages, branches = pipeline.stages, pipeline.branches
    first, roots = stages[0], [stage for stage in stages if not stage.after.environments]
    if kind == "inserted":
        after = replace(first.after, environments=(INSERTED,), need="all")
        canary = Stage(environment=INSERTED, supersede="queue")
        stages = (canary, *(replace(one, after=after) if one in roots else one for one in stages))
    elif kind == "appended":
        stages = (
            *stages,
            Stage(environment=INSERTED, after=replace(first.after, environments=(stages[-1].environment,))),
        )
    elif kind == "cut":
        stages = (first,)
    elif kind == "branches":
        branches = ("0.*",)
    elif kind == "module":
        service = replace(service, artifacts=service.artifacts[1:])
    elif kind == "service":
        service = replace(service, ident="another")
    environments = known.environments
    if any(stage.environment == INSERTED for stage in stages):
        environments = {**environments, INSERTED: replace(environments[first.environment], ident=INSERTED, entry=())}
    return Catalog(
        services={service.ident: service},
        environments=environments,
        pipelines={
            **known.pipelines,
            pipeline.ident: Pipeline(
                ident=pipeline.ident, stages=stages, parallel=_within(pipeline, stages), branches=branches
            ),
        },
        promotions=known.promotions,
        groups=known.groups,
        freeze_overriders=known.freeze_overriders,
        digest=kind,
    )


def _within(pipeline: Pipeline, stages: tuple[Stage, ...]) -> tuple[Parallel, ...]:
    names = {stage.environment for stage in stages}
    return tuple(group for group in pipeline.parallel if names >= set(group.environments))


def _commands(since: Scenario, it: Scenario) -> set[Command]:
    """The commands that were given after a moment."""
    found: set[Command] = set()
    for made in it.commands[len(since.commands) :]:
        known = made.deployment
        artifact = known.release.artifact
        found.add((known.environment, artifact.version, artifact.module, known.kind, known.attempt))
    return found


def _is_open(it: Scenario, key: tuple[object, ...]) -> bool:
    """Whether a deployment waits, and is explained by each evaluation."""
    status, _ = _states(it)[key]
    return status is Status.NOT_STARTED


def _states(it: Scenario) -> dict[tuple[object, ...], State]:
    """How far each deployment has come, and why it is there."""
    return {
        (one.environment, one.flow, one.release.id, one.kind, one.attempt, one.cause): (one.status, one.status_reason)
        for one in it.deployments.values()
    }
