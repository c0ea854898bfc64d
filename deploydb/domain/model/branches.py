"""The branches of a service: which of its pipelines take which versions, by patterns of the versions.

A pattern is a glob (`1.9.*`), or a range of versions as PEP 440 writes it (`>=1.9,<2`). A `!` before it excludes its
versions. A pipeline takes a version that one pattern matches (any version, where all patterns exclude) and that none
excludes.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase, translate
from functools import lru_cache

from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from deploydb.domain.model.admission_reasons import BranchElsewhere, NoPipeline
from deploydb.domain.model.artifact import version_key
from deploydb.domain.model.reason_parts import PipelineBranches

BRANCHED = "+branches"
"""The end of a digest of stages that not all versions go through."""
_RANGE = re.compile(r"[<>~=]|!=")
_EXCLUSION = re.compile(r"!(?!=)")
_WILDCARDS = re.compile(r"[*?\[]")
_STAND_INS = ("", "\0", "\0\0\0\0\0\0\0")
"""What a wildcard is tried as: what matches with each of them does so with any text."""


class Track(Struct, frozen=True, kw_only=True):
    """A pipeline of a service: the patterns of the versions that it takes, and its environments."""

    pipeline: str
    branches: tuple[str, ...]
    environments: tuple[str, ...]


class Branches:
    """The pipelines of a service, of which one at least does not take each version."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._tracks = tuple(tracks)
        self._of = {environment: track for track in tracks for environment in track.environments}

    def __str__(self) -> str:
        return repr(self._tracks)

    def goes_to(self, environment: str, version: str) -> bool:
        """Whether the pipeline of an environment takes the version."""
        return takes(self._of[environment].branches, version)

    def environments(self, version: str) -> frozenset[str]:
        """The environments that a version goes through."""
        return frozenset(name for one in self._tracks if takes(one.branches, version) for name in one.environments)

    def elsewhere(self, environment: str, version: str) -> BranchElsewhere | None:
        """Why the version does not come to an environment by itself; None where it does, or where there is no such
        stage."""
        track = self._of.get(environment)
        if track is None or takes(track.branches, version):
            return None
        return BranchElsewhere(pipeline=track.pipeline, branches=track.branches, version=version)

    def nowhere(self, service: str, version: str) -> NoPipeline | None:
        """Why the version goes through no stage of the service; None where it goes through any."""
        if self.environments(version):
            return None
        known = tuple(PipelineBranches(pipeline=one.pipeline, branches=one.branches) for one in self._tracks)
        return NoPipeline(service=service, version=version, pipelines=known)


@lru_cache(maxsize=1 << 14)
def takes(branches: tuple[str, ...], version: str) -> bool:
    """Whether a pipeline with these patterns takes a version; without any, it takes all."""
    wanted = [pattern for pattern in branches if not excludes(pattern)]
    if wanted and not any(_matches(pattern, version) for pattern in wanted):
        return False
    return not any(_matches(pattern[1:].strip(), version) for pattern in branches if pattern not in wanted)


def excludes(pattern: str) -> bool:
    """Whether the versions of a pattern are left out."""
    return _EXCLUSION.match(pattern) is not None


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern is written badly, or can match no version; None for a good one."""
    own = pattern[1:].strip() if excludes(pattern) else pattern
    if not own or own != own.strip():
        return f"{pattern!r} matches no version: write a glob such as 1.9.*, or a range such as >=1.9,<2"
    if _RANGE.match(own):
        return _range_problem(own)
    if any(char.isspace() for char in own):
        return f"{pattern!r} has a blank, and matches no version: list each pattern by itself"
    if _unclosed(own):
        return f"{pattern!r} has a [ without its ]"
    if "(?!)" in translate(own):
        return f"{pattern!r} matches no version: its range of characters is empty"
    return None


def excluded_by(branches: Sequence[str], pattern: str) -> str | None:
    """The exclusion among the patterns that leaves nothing of one of them, as far as that can be known."""
    if excludes(pattern):
        return None
    known = [pattern] if _RANGE.match(pattern) or not _WILDCARDS.search(pattern) else _samples(pattern)
    for other in branches:
        own = other[1:].strip()
        if excludes(other) and (own in ("*", pattern) or all(_matches(own, one) for one in known)):
            return other
    return None


def _matches(pattern: str, version: str) -> bool:
    if not _RANGE.match(pattern):
        return fnmatchcase(version, pattern)
    known = version_key(version)  # of hashes and other text, which is in no range, it has no number
    return known[0] == 1 and SpecifierSet(pattern, prereleases=True).contains(known[1])


def _range_problem(pattern: str) -> str | None:
    try:
        limits = list(SpecifierSet(pattern))
        near = [Version(limit.version.removesuffix(".*")) for limit in limits]
    except (InvalidSpecifier, InvalidVersion) as error:
        return f"{error}; write a glob such as 1.9.*, or a range such as >=1.9,<2"
    tried = {Version("0"), Version("99999999")}
    for limit in near:
        number, (*first, last) = limit.public, limit.release
        lower = ".".join(map(str, (*first, last - 1, 99999999)))
        tried |= {limit, Version(f"{limit.base_version}.0.0.0.0.0.1"), Version(f"{limit.base_version}.dev0")}
        tried |= {Version(lower)} if last else set()
        tried |= {Version(f"{number}.post1")} if not (limit.is_postrelease or limit.is_devrelease) else set()
    if any(_matches(pattern, str(one)) for one in tried):
        return None
    return f"{pattern!r} matches no version: no version is in all of its limits"


def _unclosed(pattern: str) -> bool:
    """Whether a `[` begins no set of characters: a glob takes it for itself then."""
    at = pattern.find("[")
    while at >= 0:
        begin = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
        end = pattern.find("]", begin + 1)
        if end < 0:
            return True
        at = pattern.find("[", end + 1)
    return False


def _samples(glob: str) -> list[str]:
    """Texts for which an exclusion stands for all that the glob matches."""
    plain = re.sub(r"\[[^\]]*\]", "?", glob)
    return [plain.replace("?", "\0").replace("*", stand_in) for stand_in in _STAND_INS]
