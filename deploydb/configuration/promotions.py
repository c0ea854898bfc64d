"""Promotions in files: the types that there are, DeployDB's own and those of installed packages, and their problems.

A type that cannot be used is a problem of the files that name it, and of no other.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from deploydb.configuration.building import Known, once, refer
from deploydb.configuration.reading import described, read_document
from deploydb.configuration.source import Path, Source
from deploydb.domain.gates import Promotion
from deploydb.domain.gates.promotion import Dependency, Document, Names
from deploydb.domain.gates.registry import own_types
from deploydb.domain.model.promotions import RESERVED
from deploydb.domain.suggestions import suggestion

ENTRY_POINTS = "deploydb.gates"
"""The group: the name is that of the type, the object its class, a `deploydb.domain.gates.Promotion`."""


_CLASS = re.compile(r"(?:\w+[.$])*(\w+)Impl")
"""A type as files of later releases of v1 have it: the name of a class."""
_OLD_NAMES = {"ManualLDAPPromotion": "ManualPromotion"}


class Unusable(Struct, frozen=True):
    """Why a type that an installed package adds cannot be used."""

    problem: str


@cache
def promotion_types() -> Mapping[str, type[Promotion] | Unusable]:
    """The types by name, as they were when the process began."""
    found: dict[str, type[Promotion] | Unusable] = {**own_types()}
    owners = dict.fromkeys(found, "DeployDB")
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, _package(point))):
        if point.name in found:
            owners[point.name] += f" and {_package(point)}"
            found[point.name] = Unusable(f"{point.name} is a type of {owners[point.name]}: uninstall all but one")
        else:
            owners[point.name] = _package(point)
            found[point.name] = _loaded(point, found)
    return found


def _loaded(point: EntryPoint, others: Mapping[str, type[Promotion] | Unusable]) -> type[Promotion] | Unusable:
    where = f"the type {point.name} of {_package(point)} ({point.value})"
    try:
        kind = point.load()
        if not isinstance(kind, type) or not issubclass(kind, Promotion):
            return Unusable(f"{where} is no deploydb.domain.gates.Promotion")
        document: object = kind.document or kind  # whatever a package has there
        if not isinstance(document, type) or not issubclass(document, Document):
            return Unusable(f"{where}: its document is no deploydb.domain.gates.promotion.Document")
        if not any(field.encode_name == "ident" and field.required for field in fields(document)):
            return Unusable(f"{where}: its document has no required key ident")
        for name, other in others.items():
            if not isinstance(other, Unusable) and other is not kind and (other.document or other) is document:
                return Unusable(f"{where}: its document is that of {name}; write a document of its own")
        msgspec.json.schema(document)
    except Exception as error:  # whatever is wrong with a package must not stop the others
        return Unusable(f"{where} cannot be loaded: {type(error).__name__}: {error}")
    return kind


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"


def read_promotion(source: Source, ident: str, known: Known) -> Promotion | None:
    """Read a promotion. Its `type` decides about its keys: without one no key is checked.

    None where it cannot be built; its problems are in `source.problems`.
    """
    if ident in RESERVED:
        source.problem((), f"{ident} is DeployDB's own word for a gate: give the promotion another name")
    if not source.readable:
        return None
    types = promotion_types()
    value: Any = source.value if source.value is not None else {}
    if not isinstance(value, dict):
        source.problem((), f"expected keys and values, found {described(value)}")
        return None
    named = value.get("type")
    if named is None:
        source.problem(("type",), f"type is missing: write one of {', '.join(types)}")
        return None
    if isinstance(named, str) and (found := _CLASS.fullmatch(named)) is not None:
        named = _OLD_NAMES.get(found[1], found[1])
        source.value = {**value, "type": named}
    kind = types.get(named) if isinstance(named, str) else None
    if kind is None:
        hint = suggestion(str(named), types)
        source.problem(("type",), f"expected a promotion's type, found {described(named)}{hint}")
        return None
    if isinstance(kind, Unusable):
        source.problem(("type",), kind.problem)
        return None
    try:
        document = read_document(source, kind.document or kind, ident=ident)
        return _usable(document.configured(_Checks(source, known))) if document is not None else None
    except Exception as error:  # of a package's type
        source.problem(("type",), f"the type {named} cannot be read: {type(error).__name__}: {error}")
        return None


class _Read(Struct):
    """The members of a promotion that the engine reads where an error would stop other gates, too."""

    ident: str
    turn: int
    starves: bool
    asks_people: bool
    asks_provenance: bool
    by_calendar: bool
    not_at_entry: str | None
    reported_as: Names
    dependencies: tuple[Dependency, ...]
    lasts: timedelta | None


def _usable(found: object) -> Promotion:
    """Raises: TypeError, msgspec.ValidationError, or an exception of the package."""
    if not isinstance(found, Promotion):
        raise TypeError("configured() returned no Promotion")
    msgspec.convert({name: getattr(found, name) for name in _Read.__struct_fields__}, _Read)
    return found


class _Checks(Struct, frozen=True):
    """What a promotion may ask of its file, and of the others."""

    source: Source
    known: Known

    def problem(self, at: Path, message: str, *, key: bool = False) -> None:
        self.source.problem(at, message, key=key)

    def refer(self, at: Path, names: Sequence[str], kind: Literal["service", "environment", "group"]) -> None:
        file = "access.yml" if kind == "group" else f"{kind}s/{names[0]}.yml" if len(names) == 1 else ""
        refer(self.source, at, names, kind, getattr(self.known, f"{kind}s"), file)

    def once(self, at: Path, names: Sequence[str]) -> None:
        once(self.source, at, names)

    def has(self, at: Path) -> bool:
        value = self.source.value
        for part in at:
            try:
                value = value[part]
            except (LookupError, TypeError):
                return False
        return bool(value)
