"""One versioned file, and what makes it the same one or another one."""

import hashlib
import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from packaging.version import InvalidVersion, Version

from deploydb.domain.person_names import person_name
from deploydb.domain.unsafe_characters import NAME

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=NAME)]
"""A bounded identifier: ids, sources, versions, names of services, environments and people. All of it can be seen."""
Coordinate = Annotated[str, Meta(min_length=1, max_length=8192, pattern=NAME)]
"""A group, a name or a package URL (the limit is the v1 interface's)."""
Url = Annotated[str, Meta(min_length=1, max_length=8192)]
"""Where more is to be seen, as it was written."""
Text = Annotated[str, Meta(max_length=8192)]
"""Free text by people and programs: comments and reasons."""


class Artifact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a module, as its publisher names it. `author`: of its commit; `triggered_by`: the person who
    started its build."""

    group: Coordinate
    name: Coordinate
    version: Name
    url: Url | None = None
    digest: Name | None = None
    commit: Name | None = None
    purl: Coordinate | None = None
    author: Name | None = None
    triggered_by: Name | None = None

    @property
    def module(self) -> str:
        """`group:name`, the word by which services list what they are made of."""
        return f"{self.group}:{self.name}"

    def __str__(self) -> str:
        return f"{self.group}:{self.name} {self.version}"


def authors_of(author: str | None, triggered_by: str | None, published_by: str) -> tuple[str, ...]:
    """The people that `allow_author: false` keeps from approving: the author of the commit and who triggered the build,
    where the publication names them; else its publisher; none where that is not known."""
    named = dict.fromkeys(person_name(one) for one in (author, triggered_by) if one is not None)
    return tuple(named) or ((published_by,) if published_by else ())


@lru_cache(maxsize=4096)
def module_key(group: str, name: str) -> str:
    """A short stand-in for group and name, which may each be longer than an index entry."""
    return hashlib.sha256(f"{group}\0{name}".encode()).hexdigest()[:32]


def split_module(module: str) -> tuple[str, str]:
    """Group and name of a module."""
    group, _, name = module.rpartition(":")
    return group, name


def contradicted(one: Artifact, other: Artifact) -> Literal["digest", "url"] | None:
    """The field in which two publications of one version contradict each other: their digests differ.

    Where one of them has no digest the URLs are compared: a version that moved is treated as another file.
    """
    if one.digest is not None and other.digest is not None:
        return "digest" if one.digest != other.digest else None
    return "url" if one.url is not None and other.url is not None and one.url != other.url else None


def order_key(order: Literal["published", "version"], version: str, published_at: datetime) -> tuple[object, ...]:
    """The key by which one release of a module is newer than another, in the order of its service.

    By `version`, releases whose versions say no order (hashes and other text) are ordered by time, below the others.
    """
    by_time = (published_at, version)
    return (version_key(version), *by_time) if order == "version" else by_time


_DATE = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d*"
_HASH = rf"(?!{_DATE}(?![0-9a-f]))[0-9a-f]{{7,64}}"
"""A commit hash, whole or short: also one of digits alone, unless it starts with a date."""
_IS_HASH = re.compile(_HASH)
_BUILD_OF = re.compile(rf"[-_]g?{_HASH}$")
_COMMITS_SINCE = re.compile(r"(.+)-(\d+)-g[0-9a-f]{4,64}(?:-dirty)?")
"""What `git describe` calls a commit that has no tag: the tag before it, and how many commits there are since."""
_WORDS = (
    (re.compile(r"[-_.](?:final|ga|release)$", re.IGNORECASE), ""),
    (re.compile(r"(?:(?<=\d)|[-_.])(?:p|patch|hotfix|fix|sp)[-_.]?(\d*)$", re.IGNORECASE), r".post\1"),
    (re.compile(r"[-_.]m[-_.]?(\d+)$", re.IGNORECASE), r"a\1"),
    (re.compile(r"[-_.]cr[-_.]?(\d+)$", re.IGNORECASE), r"rc\1"),
)
"""What others call a release, one that repairs it, a milestone and a candidate, in the words of PEP 440."""


@lru_cache(maxsize=1 << 14)
def version_key(version: str) -> tuple[Any, ...]:
    """An order of every text that people use as a version: text < semver pre-releases < PEP 440. Equal ones go by time.

    PEP 440 is read first (it also takes `v1.2`). What only semver can read (`1.2.3-feature.1`) sorts just below the
    pre-releases of `1.2.3`. What `git describe` calls `1.2.3-4-g1a2b3c4` is above `1.2.3`, by its number of commits. A
    build (`1.2.3-1a2b3c4`, `1.2.3+17`) is equal to the version that it is of. Any other text is below all versions, so
    that a stray `nightly` is never the newest; a commit hash is text, also where it could be read as a number.
    Mixing the three in one key, and not comparing pairs by whichever scheme reads both, is what keeps it transitive.
    """
    text = version.partition("+")[0]
    if described := _COMMITS_SINCE.fullmatch(text):
        tag = version_key(described[1])
        return (*tag[:-1], int(described[2])) if tag[0] else tag
    text = _BUILD_OF.sub("", text)
    if _IS_HASH.fullmatch(text):
        return (0,)
    for pattern, word in _WORDS:
        text = pattern.sub(word, text)
    try:
        return (1, Version(text), (), 0)
    except InvalidVersion:
        pass
    core, dash, rest = text.partition("-")
    try:
        return (1, Version(f"{core}.dev0"), _semver_identifiers(rest), 0) if dash else (0,)
    except InvalidVersion:
        return (0,)


def _semver_identifiers(text: str) -> tuple[tuple[int, int, str], ...]:
    """Semver 2.0.0 §11: numbers below words, compared as numbers; fewer identifiers below more."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in text.split("."))
