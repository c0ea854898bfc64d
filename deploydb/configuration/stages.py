"""The order of a pipeline's stages: the stages before each, and whether a release can reach it."""

from deploydb.configuration.documents import AfterDocument, StageDocument
from deploydb.configuration.source import Path, Source
from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.suggestions import suggestion


def read_after(source: Source, name: str, stage: StageDocument, names: list[str], *, above: str | None) -> After:
    """The stages before a stage: its `after`, or the stage above it. Each must be one of the pipeline's `names`."""
    at: Path = ("environments", name, "after")
    match stage.after:
        case None:
            return After(environments=(above,) if above is not None else ())
        case str():
            return After(environments=_known(source, {at: stage.after}, names))
        case list():
            return After(environments=_known(source, _placed(at, stage.after), names))
        case AfterDocument(all=None, any=None):
            source.problem(at, "write either all: or any:")
            return After()
        case AfterDocument(all=None, any=one_of):
            if not one_of:
                source.problem((*at, "any"), "any of nothing is never there: name a stage")
            return After(environments=_known(source, _placed((*at, "any"), one_of or []), names), need="any")
        case AfterDocument(all=every, any=one_of):
            if one_of is not None:
                source.problem(at, "write either all: or any:")
            return After(environments=_known(source, _placed((*at, "all"), every or []), names))


def check_order(source: Source, stages: list[Stage]) -> None:
    """Report each cycle once, with its path, and each stage that can only be reached through one.

    `any` resolves no cycle: a stage in one would wait for itself, and no order of the stages would be right.
    """
    by_name = {stage.environment: stage for stage in stages}
    waiting = {stage.environment: [name for name in stage.after.environments if name in by_name] for stage in stages}
    lost: set[str] = set()
    while waiting:
        ready = [name for name, upstream in waiting.items() if not any(stage in waiting for stage in upstream)]
        for name in ready:
            if _is_lost(by_name[name], lost):
                lost.add(name)
                message = f"no release can reach {name}: what it comes after is never reached"
                source.problem(("environments", name), message, key=True)
        if not ready:
            ready = _cycle(waiting)
            lost.update(ready)
            _report_cycle(source, ready)
        for name in ready:
            del waiting[name]


def _placed(at: Path, names: list[str]) -> dict[Path, str]:
    return {(*at, index): name for index, name in enumerate(names)}


def _known(source: Source, placed: dict[Path, str], names: list[str]) -> tuple[str, ...]:
    """The names, each once. Reports names that are no stage here, and repeated ones."""
    met: dict[str, None] = {}
    for at, name in placed.items():
        if name not in names:
            source.problem(at, f"{name} is no stage of this pipeline{suggestion(name, names)}")
        elif name in met:
            source.problem(at, f"{name} is listed twice")
        met[name] = None
    return tuple(met)


def _is_lost(stage: Stage, lost: set[str]) -> bool:
    met = [name in lost for name in stage.after.environments]
    return any(met) if stage.after.need == "all" else bool(met) and all(met)


def _cycle(waiting: dict[str, list[str]]) -> list[str]:
    """A cycle among stages that wait for each other, in the order of a release, from its first stage."""
    way: list[str] = []
    at = next(iter(waiting))
    while at not in way:
        way.append(at)
        at = next(name for name in waiting[at] if name in waiting)
    cycle = way[way.index(at) :][::-1]
    turn = cycle.index(next(name for name in waiting if name in cycle))
    return cycle[turn:] + cycle[:turn]


def _report_cycle(source: Source, cycle: list[str]) -> None:
    """Report it at its first `after`: it has one, since the order of the file alone makes no cycle."""
    message = f"{cycle[0]} waits for itself: {' → '.join([*cycle, cycle[0]])}"
    written = (("environments", name, "after") for name in cycle)
    source.problem(next((at for at in written if at in source.places), ("environments", cycle[0])), message)
