"""One versioned file, and what makes it the same one or another one."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from packaging.version import InvalidVersion, Version

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
    """One version of a module, as its publisher names it."""

    group: Coordinate
    name: Coordinate
    version: Name
    url: Url | None = None
    digest: Name | None = None
    commit: Name | None = None
    purl: Coordinate | None = None

    @property
    def module(self) -> str:
        """`group:name`, the word by which services list what they are made of."""
        return f"{self.group}:{self.name}"

    def __str__(self) -> str:
        return f"{self.group}:{self.name} {self.version}"


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
    """The key by which one release of a module is newer than another, in the order of its service."""
    by_time = (published_at, version)
    return (version_key(version)[:-1], *by_time) if order == "version" else by_time


def version_key(version: str) -> tuple[Any, ...]:
    """A total order over every text that people use as a version: text < semver pre-releases < PEP 440.

    PEP 440 is read first (it also takes `v1.2`). What only semver can read (`1.2.3-hotfix.1`) sorts just below the
    pre-releases of `1.2.3`. Any other text sorts below all versions, so that a stray `nightly` is never the newest.
    Mixing the three in one key, and not comparing pairs by whichever scheme reads both, is what keeps it transitive.
    """
    try:
        return (1, Version(version), (), version)
    except InvalidVersion:
        pass
    core, dash, rest = version.partition("+")[0].partition("-")
    try:
        return (1, Version(f"{core}.dev0"), _semver_identifiers(rest), version) if dash else (0, version)
    except InvalidVersion:
        return (0, version)


def _semver_identifiers(text: str) -> tuple[tuple[int, int, str], ...]:
    """Semver 2.0.0 §11: numbers below words, compared as numbers; fewer identifiers below more."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in text.split("."))
