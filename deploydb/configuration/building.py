"""Documents → catalog: every name refers to an object, and every stage can be reached."""

import re
from collections.abc import Sequence, Set
from datetime import timedelta
from typing import TypeVar

from msgspec import Struct, structs

from deploydb.configuration.branches import read_branches
from deploydb.configuration.documents import (
    DefaultsDocument,
    EnvironmentDocument,
    ParallelDocument,
    PipelineDocument,
    RetryDocument,
    ServiceDocument,
    StageDocument,
)
from deploydb.configuration.durations import parse_duration
from deploydb.configuration.metadata import build_metadata
from deploydb.configuration.renames import earlier_names
from deploydb.configuration.source import Path, Source
from deploydb.configuration.stages import check_order, read_after
from deploydb.configuration.webhooks import build_webhooks, merge_webhooks
from deploydb.domain.formatting import in_words
from deploydb.domain.gates import Promotion
from deploydb.domain.model.catalog import (
    Environment,
    FailureStrategy,
    Parallel,
    Pipeline,
    Retry,
    Service,
    Stage,
)
from deploydb.domain.suggestions import suggestion

_MODULE = re.compile(r"[^:\s]+:[^:\s]+")
_ORCHESTRATOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
MAX_STAGES = 200
_STRATEGIES: dict[str, FailureStrategy] = {
    "stop": "stop",
    "rollback": "rollback",
    "full_rollback": "full_rollback",
    "fullrollback": "full_rollback",
    "ignore": "ignore",
}

T = TypeVar("T", bound=Struct)


class Known(Struct, kw_only=True):
    """The names of each kind, those of broken files too: a broken file is one problem, not twenty."""

    services: Set[str]
    pipelines: Set[str]
    environments: Set[str]
    promotions: Set[str]
    groups: Set[str]


def build_environment(
    source: Source, ident: str, document: EnvironmentDocument, known: Known, promotions: dict[str, Promotion]
) -> Environment:
    """Build an environment; its problems go to `source.problems`."""
    refer(source, ("entry",), document.entry, "promotion", known.promotions, stops_all=False)
    for index, name in enumerate(document.entry):
        if name in promotions and (obstacle := promotions[name].not_at_entry) is not None:
            source.problem(("entry", index), f"{name} {obstacle}")
    if not _ORCHESTRATOR.fullmatch(document.orchestrator):
        source.problem(("orchestrator",), "an orchestrator's name has letters, digits, - and _ only, at most 64")
    deadline = _deadline(source, document.deadline)
    if document.deadline_at_most is not None and deadline is None:
        source.problem(("deadline_at_most",), "there is no deadline to extend: remove it, or give deadline a time")
    elif document.deadline_at_most is not None and deadline is not None and document.deadline_at_most < deadline:
        source.problem(("deadline_at_most",), f"shorter than deadline, {in_words(deadline)}: give a longer one")
    strategy, retry = _strategy(source, document.failure_strategy), _retry(document.retry)
    lists = [build_webhooks(source, getattr(document, key), (key,)) for key in ("webhooks", "webhook")]
    webhooks = merge_webhooks(lists) if document.webhook is not None else lists[0]
    changed = {"deadline": deadline, "failure_strategy": strategy, "retry": retry, "webhooks": webhooks}
    return built(Environment, ident, document, **changed, renamed_from=earlier_names(document))


def build_pipeline(source: Source, ident: str, document: PipelineDocument, known: Known) -> Pipeline:
    """Build a pipeline: its stages exist, come after stages of it, and can each be reached."""
    names = list(document.environments)
    if not names:
        source.problem(("environments",), "a pipeline needs at least one environment")
    if len(names) > MAX_STAGES:
        source.problem(("environments",), f"has {len(names)} stages; a pipeline may have {MAX_STAGES}")
        return Pipeline(ident=ident)
    stages = []
    for index, (name, stage) in enumerate(document.environments.items()):
        at: Path = ("environments", name)
        if name not in known.environments:
            message = f"there is no environment {name}{suggestion(name, known.environments)}"
            source.lacks(at, f"{message} (expected environments/{name}.yml)", key=True)
        stage = stage or StageDocument()  # noqa: PLW2901  # `dev:` without a value
        refer(source, (*at, "promotions"), stage.promotions, "promotion", known.promotions, stops_all=False)
        after = read_after(source, name, stage, names, above=names[index - 1] if index else None)
        stages.append(
            Stage(
                environment=name,
                promotions=tuple(stage.promotions),
                after=after,
                while_verifying=stage.while_verifying,
                supersede=stage.supersede or document.supersede,
                together=stage.together,
            )
        )
    check_order(source, stages)
    grouped = {
        name for group in document.parallel if isinstance(group, ParallelDocument) for name in group.environments
    }
    for name in (one.environment for one in stages if one.together and one.environment not in grouped):
        message = f"{name} is in no group of parallel: there is no stage that it goes together with"
        source.problem(("environments", name, "together"), message)
    parallel = tuple(
        _parallel(source, index, group, names)
        for index, group in enumerate(document.parallel)
        if isinstance(group, ParallelDocument)  # else it is a problem already
    )
    return Pipeline(
        ident=ident,
        description=document.description,
        branches=read_branches(source, document.branches),
        stages=tuple(stages),
        parallel=parallel,
    )


def build_service(
    source: Source, ident: str, document: ServiceDocument, defaults: DefaultsDocument, known: Known
) -> Service:
    """Build a service; its problems go to `source.problems`."""
    refer(source, ("pipelines",), document.pipelines, "pipeline", known.pipelines, stops_all=False)
    refer(source, ("promotions",), document.promotions, "promotion", known.promotions, stops_all=False)
    check_modules(source, document.artifacts)
    written = source.value if isinstance(source.value, dict) else {}
    if not written.get("artifacts") and not defaults.artifacts:
        source.warn(("artifacts",), "it takes no releases: it has no artifact, such as com.example:foo")
    if not written.get("pipelines"):
        source.warn(("pipelines",), "it takes no releases: it has no pipeline")
    return built(
        Service,
        ident,
        document,
        artifacts=tuple(dict.fromkeys([*document.artifacts, *defaults.artifacts])),
        promotions=tuple(dict.fromkeys([*document.promotions, *defaults.promotions])),
        failure_strategy=_strategy(source, document.failure_strategy) or "stop",
        retry=_retry(document.retry) or Retry(),
        metadata=build_metadata(source, document),
    )


def build_defaults(source: Source, document: DefaultsDocument, known: Known) -> None:
    """Check the defaults of all services."""
    refer(source, ("promotions",), document.promotions, "promotion", known.promotions, stops_all=False)
    check_modules(source, document.artifacts)


def check_modules(source: Source, modules: list[str]) -> None:
    """Check that each module is `group:name`, once."""
    for index, module in enumerate(modules):
        if not _MODULE.fullmatch(module):
            source.problem(("artifacts", index), f"{module} is no artifact: write group:name, without a version")
        elif module in modules[:index]:
            source.problem(("artifacts", index), f"{module} is listed twice")


def check_lanes(source: Source, service: Service, pipelines: dict[str, Pipeline]) -> None:
    """Check that an environment is in one pipeline of a service only: else two flows would compete for it."""
    seen: dict[str, str] = {}
    for index, name in enumerate(service.pipelines):
        for stage in pipelines[name].stages if name in pipelines else ():
            other = seen.setdefault(stage.environment, name)
            if other != name:
                message = f"{stage.environment} is in {other} and in {name}: a service meets each environment once"
                source.problem(("pipelines", index), message)


def built(kind: type[T], ident: str, document: Struct, **replaced: object) -> T:
    """The object of a document: its fields, lists as tuples; `replaced`: those that differ from the document's."""
    written = [(name, value) for name, value in structs.asdict(document).items() if name in kind.__struct_fields__]
    same = {name: tuple(value) if isinstance(value, list) else value for name, value in written}
    return kind(**{"ident": ident} | same | replaced)


def refer(
    source: Source,
    at: Path,
    names: Sequence[str],
    kind: str,
    known: Set[str],
    file: str = "",
    *,
    stops_all: bool = True,
) -> None:
    """Report the names that are not known, with the `file` that is expected, and repeated ones. Not `stops_all`: a name
    that is not known stops the services alone that need it."""
    expected = f" (expected {file})" if file else ""
    report = source.problem if stops_all else source.lacks
    for index, name in enumerate(names):
        if name not in known:
            report((*at, index), f"there is no {kind} {name}{suggestion(name, known)}{expected}")
    once(source, at, names)


def once(source: Source, at: Path, names: Sequence[str]) -> None:
    """Report repeated names."""
    for index, name in enumerate(names):
        if name in names[:index]:
            source.problem((*at, index), f"{name} is listed twice")


def _parallel(source: Source, index: int, group: ParallelDocument, stages: list[str]) -> Parallel:
    at: Path = ("parallel", index, "environments")
    refer(source, at, group.environments, "stage", frozenset(stages))
    if len(group.environments) < 2:
        source.problem(at, "a group has at least two environments")
    return Parallel(environments=tuple(group.environments), most=group.max_parallel)


def _deadline(source: Source, written: str) -> timedelta | None:
    if written.lower() == "none":
        return None
    try:
        return parse_duration(written)
    except ValueError as error:
        source.problem(("deadline",), f"{error}; or none, for no deadline")
        return timedelta(0)


def _strategy(source: Source, written: str | None) -> FailureStrategy | None:
    if written is None:
        return None
    found = _STRATEGIES.get(re.sub(r"[ -]", "_", written).lower())
    if found is None:
        names = ", ".join(dict.fromkeys(_STRATEGIES.values()))
        source.problem(("failure_strategy",), f"expected one of {names}, found {written}")
    return found


def _retry(document: RetryDocument | None) -> Retry | None:
    return Retry(retries=document.retries, backoff=document.backoff) if document is not None else None
