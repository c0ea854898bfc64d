"""A person's order as it was requested, read into its fact."""

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from msgspec import Struct, inspect
from starlette.exceptions import HTTPException

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.facts import Fact, HoldPlaced
from deploydb.domain.model.promotions import FREEZE
from deploydb.gateway.field_reader import FieldReader
from deploydb.gateway.request_body import Content
from deploydb.http.errors import shown
from deploydb.http.orders import DECISION, FILE, Decision, Order, is_file
from deploydb.identity import FORM_FIELD, Person

_OTHER_FIELDS = ("by", "next", FORM_FIELD)
"""Fields beside those of the order: the author, who comes from the token, and those of the forms of pages."""
_HOLD_ID_LENGTH = 8


class OrderRequest(Struct, frozen=True, kw_only=True):
    """An order: by its `name` (`approve`, `promote`, `place` …), and as a fact; `flags`: those that are set."""

    name: str
    decision: Decision
    fact: Fact
    flags: frozenset[str]

    @classmethod
    def of(cls, order: Order, content: Content, person: Person, key: str | None, now: datetime) -> "OrderRequest":
        """The order of a request, by the person. `key`: the id that the client has chosen.

        Raises: HTTPException 422 that names each field which is missing, wrong or unknown.
        """
        reader = FieldReader(content)
        name = next(iter(order.decisions))
        if len(order.decisions) > 1 and not (order.default and not content.fields.get(DECISION)):
            name = reader.choice(DECISION, tuple(order.decisions))
        no_choice = reader.wrong.pop(DECISION, None)
        decision = order.decisions.get(name) or next(iter(order.decisions.values()))
        fields: dict[str, Any] = {field.name: _value(reader, decision, field) for field in decision.fields()}
        if fields.get("promotion") == FREEZE and not fields.get("comment"):
            reader.wrong.setdefault("comment", "is missing: an exception to a freeze needs a reason")
        if no_choice is not None:
            reader.wrong[DECISION] = no_choice
        flags = frozenset(flag for flag in order.flags if reader.flag(flag))
        reader.refuse_others(
            (*decision.names(), *order.flags, *_OTHER_FIELDS, *([DECISION] if len(order.decisions) > 1 else []))
        )
        reader.require()
        id_, source = key or str(uuid4()), source_of(person)
        if decision.fact is HoldPlaced and fields["kind"] != "pin":
            fields["hold"] = fields["hold"] or sha256(f"{source}\0{id_}".encode()).hexdigest()[:_HOLD_ID_LENGTH]
        given = {name: value for name, value in fields.items() if value is not None} | {"by": person.name}
        try:
            fact = decision.fact(id=id_, source=source, time=now, **given)
        except ValueError as error:  # a rule of the fact that concerns several of its fields
            raise HTTPException(422, str(error)) from error
        return cls(name=name, decision=decision, fact=fact, flags=flags)


def source_of(person: Person) -> str:
    """The source of a person's orders over HTTP."""
    return f"gateway/{person.name}"


def _value(reader: FieldReader, decision: Decision, field: inspect.Field) -> object:
    if is_file(field):
        return _file(reader)
    name, required = field.encode_name, decision.is_required(field)
    why = decision.required.get(name, "")
    match _type_of(field):
        case inspect.LiteralType(values=values):
            return reader.choice(name, tuple(map(str, values)))
        case inspect.DateTimeType():
            return reader.moment(name)
        case inspect.IntType():
            return reader.number(name)
        case inspect.VarTupleType():
            return reader.names(name)
        case inspect.StrType(pattern=None):
            return reader.comment(name, required=required, why=why) or None
        case inspect.StrType():
            return reader.name(name, required=required) or None
        case other:
            raise TypeError(f"{name} is a {type(other).__name__}: no field of an order is one")


def _file(reader: FieldReader) -> Artifact | None:
    """None where a field of it is wrong."""
    module, version, digest = (reader.name(name) for name in FILE)
    group, mark, name = module.partition(":")
    if module and not (group and mark and name):
        reader.wrong.setdefault("artifact", f"expected GROUP:NAME, found {shown(module)}")
    return None if reader.wrong else Artifact(group=group, name=name, version=version, digest=digest)


def _type_of(field: inspect.Field) -> inspect.Type:
    """Its type, but for the None of a field that may be left out."""
    if isinstance(field.type, inspect.UnionType):
        return next(one for one in field.type.types if not isinstance(one, inspect.NoneType))
    return field.type
