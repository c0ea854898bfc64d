"""Facts and commands by hypothesis, from the fields that their structs declare."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from deploydb.domain.model.artifact import Coordinate, Name
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.fact import ID_MARK
from deploydb.domain.model.facts import (
    AboutDeployment,
    AboutHold,
    ArtifactAccepted,
    ArtifactAttested,
    HoldPlaced,
    fact_types,
)
from deploydb.domain.model.override_facts import HoldId
from deploydb.domain.person_names import person_name
from deploydb.domain.unsafe_characters import not_allowed
from deploydb.wire.native import decode_fact

ARRIVAL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FACTS = fact_types()
PUBLISHED = {
    "type": "artifact.published",
    "id": "build-881",
    "source": "jenkins/foo",
    "time": "2026-11-22T11:00:00Z",
    "artifact": {"group": "com.example", "name": "foo", "version": "1.2.3"},
}
FINISHED = {"type": "deployment.finished", "id": "1", "source": "cd", "deployment": 42, "outcome": "succeeded"}

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
_SEEN = st.characters(exclude_categories=["C", "Z"], exclude_characters=ID_MARK).filter(
    lambda character: not_allowed(character) is None
)
NAMES = st.text(_SEEN, min_size=1, max_size=20)
TIMES = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2026, 11, 22), timezones=st.just(UTC))
PURLS = st.sampled_from(["pkg:maven/com.example/foo@1.2.3", "pkg:oci/foo@sha256:abc?repository_url=r.example.com/foo"])


def field(name: str, hint: Any) -> st.SearchStrategy[Any]:
    """Values of a declared field: its literals, its structs, or plain ones of its type; None where it may be."""
    if name == "purl":
        return st.none() | PURLS
    if get_origin(hint) is Annotated and name == "by":
        return NAMES.map(person_name).filter(lambda one: not_allowed(one) is None)
    if get_origin(hint) is Annotated:
        return NAMES if hint in (Name, Coordinate, HoldId) else field(name, get_args(hint)[0])
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is tuple:
        return st.lists(field(name, get_args(hint)[0]), max_size=3).map(tuple)
    if get_args(hint):
        return st.one_of([field(name, kind) for kind in get_args(hint)])
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return structs(hint)
    kinds = {str: TEXT, int: st.integers(1, 2**63 - 1), datetime: TIMES, type(None): st.none(), bool: st.booleans()}
    return kinds[hint]


def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Instances of a struct with every field set, or left None where it may be."""
    hints = get_type_hints(kind, include_extras=True)
    values = st.fixed_dictionaries({name: field(name, hints[name]) for name in kind.__struct_fields__})
    if issubclass(kind, AboutDeployment):
        values = values.map(lambda fields: fields | {"deployment": fields["deployment"] or 1})
    if issubclass(kind, AboutHold):
        scope = {"service": "foo", "environment": "dev", "version": "1"}
        values = values.map(lambda fields: fields | {name: fields[name] or whole for name, whole in scope.items()})
    if issubclass(kind, HoldPlaced):
        values = values.filter(
            lambda fields: not (fields["begins"] and fields["until"]) or fields["begins"] < fields["until"]
        )
    if issubclass(kind, ArtifactAccepted | ArtifactAttested):
        values = values.map(lambda fields: fields | {"artifact": replace(fields["artifact"], digest="sha256:1")})
    return values.map(lambda fields: kind(**fields))


def facts(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Facts of one type, with a time."""
    return structs(kind).filter(lambda fact: fact.time is not None)


COMMANDS = structs(DeployCommand)


def take(body: bytes) -> Any:
    """The fact, as it arrives at noon."""
    return decode_fact(body, arrived_at=ARRIVAL)


def published(**fields: Any) -> bytes:
    """A good `artifact.published`, but for these fields."""
    return json.dumps(PUBLISHED | fields).encode()


def finished(**fields: Any) -> bytes:
    """A good `deployment.finished`, but for these fields."""
    return json.dumps(FINISHED | fields).encode()


def beside(extra: bytes) -> bytes:
    """A good message with one more field, unencoded."""
    return json.dumps(PUBLISHED).encode()[:-1] + b"," + extra + b"}"
