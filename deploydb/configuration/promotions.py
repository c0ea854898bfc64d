"""Promotions in files, and their problems."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from deploydb.configuration.building import Known, once, refer
from deploydb.configuration.reading import described, read_document
from deploydb.configuration.source import Path, Source
from deploydb.domain.gates import Promotion
from deploydb.domain.gates.registry import own_types
from deploydb.domain.model.promotions import RESERVED
from deploydb.domain.suggestions import suggestion


def read_promotion(source: Source, ident: str, known: Known) -> Promotion | None:
    """Read a promotion. Its `type` decides about its keys: without one no key is checked.

    None where it cannot be built; its problems are in `source.problems`.
    """
    if ident in RESERVED:
        source.problem((), f"{ident} is DeployDB's own word for a gate: give the promotion another name")
    if not source.readable:
        return None
    types = own_types()
    value: Any = source.value if source.value is not None else {}
    if not isinstance(value, dict):
        source.problem((), f"expected keys and values, found {described(value)}")
        return None
    named = value.get("type")
    if named is None:
        source.problem(("type",), f"type is missing: write one of {', '.join(types)}")
        return None
    kind = types.get(named) if isinstance(named, str) else None
    if kind is None:
        hint = suggestion(str(named), types)
        source.problem(("type",), f"expected a promotion's type, found {described(named)}{hint}")
        return None
    document = read_document(source, kind.document or kind, ident=ident)
    return document.configured(_Checks(source, known)) if document is not None else None


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
