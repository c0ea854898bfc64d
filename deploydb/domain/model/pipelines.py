"""Pipelines: the stages that releases go through, in which order, and which versions do."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from deploydb.domain.model.branches import Branches, Track

WhileVerifying = Literal["replace", "wait"]
"""Whether a newer version may take the place of one whose gates still run: at the entry its turn, else the lane."""
Supersede = Literal["newest", "queue", "all"]
"""Which of several releases that wait at a stage's door go through it.

newest  the newest; the older ones are skipped
queue   all, oldest first, each once the one before it is verified
all     all, oldest first, each as soon as the one before it is deployed
"""


class After(Struct, frozen=True, kw_only=True):
    """The stages that come before one: all of them must have succeeded, or any. Empty: the pipeline starts here."""

    environments: tuple[str, ...] = ()
    need: Literal["all", "any"] = "all"


class Stage(Struct, frozen=True, kw_only=True):
    """An environment's place in a pipeline. `promotions` must pass before anything leaves it.

    `together`: a release that fails in it fails in the others of its parallel group, and the other way round.
    """

    environment: str
    promotions: tuple[str, ...] = ()
    after: After = After()
    while_verifying: WhileVerifying | None = None
    supersede: Supersede = "newest"
    together: bool = False


class Parallel(Struct, frozen=True, kw_only=True):
    """Of these environments, at most `most` are worked on at a time: one region after the other."""

    environments: tuple[str, ...]
    most: int


class Pipeline(Struct, frozen=True, kw_only=True):
    """Stages, in the order of the file; each comes after the one above it unless it says otherwise. `branches`: the
    patterns of the versions that it takes (`branches.takes`); empty: all."""

    ident: str
    description: str = ""
    branches: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    parallel: tuple[Parallel, ...] = ()


def branches_of(pipelines: Iterable[Pipeline]) -> Branches | None:
    """What of a service's versions goes where; None where no pipeline names branches."""
    tracks = [
        Track(pipeline=one.ident, branches=one.branches, environments=tuple(stage.environment for stage in one.stages))
        for one in pipelines
    ]
    return Branches(tracks) if any(track.branches for track in tracks) else None


def upstream_of(environment: str, after: Mapping[str, After]) -> list[str]:
    """The stages on the ways to one, however far before it; `after`: of each stage."""
    found: dict[str, None] = {}
    look = [environment]
    while look:
        for name in after.get(look.pop(), After()).environments:
            if name not in found:
                found[name] = None
                look.append(name)
    return list(found)


def upstream_first(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages in topological order, the file's order among equals."""
    ordered: dict[str, Stage] = {}
    waiting = list(stages)
    while waiting:
        ready = [each for each in waiting if all(name in ordered for name in each.after.environments)]
        if not ready:
            raise ValueError(f"{', '.join(stage.environment for stage in waiting)} wait for each other")
        for stage in ready:
            ordered[stage.environment] = stage
        waiting = [stage for stage in waiting if stage.environment not in ordered]
    return tuple(ordered.values())
