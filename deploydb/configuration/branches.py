"""The patterns of the versions that a pipeline takes: written well, and each of some version."""

from collections.abc import Sequence

from deploydb.configuration.source import Path, Source
from deploydb.domain.model.branches import excluded_by, pattern_problem

_AT: Path = ("branches",)


def read_branches(source: Source, written: Sequence[str]) -> tuple[str, ...]:
    """The patterns; the problems of those that can match no version go to `source.problems`."""
    if not written and _AT in source.places:
        source.problem(_AT, "no version matches an empty list: list a pattern, or leave the key out for all versions")
    for index, pattern in enumerate(written):
        problem, excluded = pattern_problem(pattern), excluded_by(written, pattern)
        if problem is not None:
            source.problem((*_AT, index), problem)
        elif pattern in written[:index]:
            source.problem((*_AT, index), f"{pattern} is listed twice")
        elif excluded is not None:
            source.problem((*_AT, index), f"{pattern} takes no version: {excluded} excludes each of them")
        elif pattern in ("!*", "! *"):
            source.problem((*_AT, index), f"{pattern} excludes each version")
    return tuple(written)
