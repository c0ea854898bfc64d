"""The base of reasons, and the values that their parameters are made of."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import astuple


class ReasonCase(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="code"):
    """The base of all reasons. The tag is the code."""


def codes(*cases: type[ReasonCase]) -> tuple[str, ...]:
    """The codes of some kinds of reasons."""
    return tuple(str(case.__struct_config__.tag) for case in cases)


class Comment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's statement, with the comment if there is one."""

    by: str
    comment: str | None = None


class JobReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job's report. `text`: its own explanation."""

    job: str
    text: str | None = None


class IncidentReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An incident, named or not. `text`: its own explanation."""

    name: str = ""
    text: str | None = None


class UncountedVote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vote that does not count. `digest`: of the other file; `groups`: those whose members count."""

    by: str
    cause: Literal["other_file", "not_in_groups", "publisher", "author"]
    digest: str | None = None
    groups: tuple[str, ...] = ()


class PipelineBranches(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pipeline, and the patterns of the versions that it takes."""

    pipeline: str
    branches: tuple[str, ...]


class LaneWait(Struct, frozen=True, kw_only=True, omit_defaults=True, order=True):
    """A service in an environment that waits for one in another. `promotion`: the gate; empty: the pipeline."""

    service: str
    environment: str
    awaited: str
    awaited_in: str
    promotion: str = ""


def mentions(reason: ReasonCase, name: str) -> bool:
    """Whether a parameter of the reason is that name."""
    return name in _strings(astuple(reason))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | dict | Struct):
        parts = astuple(value) if isinstance(value, Struct) else value.values() if isinstance(value, dict) else value
        for part in parts:
            yield from _strings(part)
