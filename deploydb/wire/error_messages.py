"""Error messages of the decoder, rewritten with the path of the field and the remedy."""

import re
from datetime import datetime
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.unsafe_characters import not_allowed

_AT = re.compile(r"^(?P<what>.*) - at `(?P<path>\$[^`]*)`$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")
_MOST_CHARACTERS = 300
OR_UPGRADE = ": correct it, or upgrade where a newer DeployDB sends it"
"""What to do about a message that this version does not know in full."""
_A_TIME = "write a time with its zone, like 2026-11-22T12:00:00Z or 2026-11-22T13:00:00+01:00"


def shortened(text: str) -> str:
    """The text, or its beginning: a publisher's text goes to headers and logs, and may be very long."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def explain(message: str, structs: tuple[type[msgspec.Struct], ...], body: bytes) -> MessageRejected:
    """Rewrite `message`, msgspec's on `body`. `structs`: the possible types of the body."""
    found = _AT.match(message)
    what, path = (shortened(found["what"]), found["path"]) if found else (shortened(message), "$")
    missing = _MISSING.search(what)
    if missing is not None:
        path = f"{path}.{missing['field']}"
        what = "is missing"
    if path == "$.type" and len(structs) > 1:
        given = re.search(r"'.*", what, re.DOTALL)
        known = ", ".join(sorted({_tag(struct) for struct in structs}))
        problem = f"unknown type {given[0]}{OR_UPGRADE}" if given else "is missing" if missing else "must be text"
        return MessageRejected(f"{problem}; known types are {known}", path=path)
    if what.startswith("Expected `str` matching regex"):
        return MessageRejected(not_allowed(_text_at(path, body)) or what, path=path)
    hint = _hint(path, structs, body)
    return MessageRejected(f"{what}; {hint}" if hint else what, path=path)


def _hint(path: str, structs: tuple[type[msgspec.Struct], ...], body: bytes) -> str:
    """The values that the field takes, if it is a time or an enumeration."""
    field = path.removeprefix("$.")
    struct = _struct(structs, body)
    hinted = get_type_hints(struct).get(field) if struct is not None else None
    kinds = [kind for kind in (get_args(hinted) or (hinted,)) if kind is not NoneType]
    if datetime in kinds:
        return _A_TIME
    if get_origin(hinted) is Literal:
        return f"write one of {', '.join(str(choice) for choice in get_args(hinted))}"
    return ""


def _text_at(path: str, body: bytes) -> str:
    """The text at a path of msgspec's; of a list, whose index the path may lack, all of it."""
    found: Any = msgspec.json.decode(body)
    for field in re.findall(r"\.(\w+)", path):
        found = found[field]
    return "".join(map(str, found)) if isinstance(found, list) else str(found)


def _struct(structs: tuple[type[msgspec.Struct], ...], body: bytes) -> type[msgspec.Struct] | None:
    """The struct that the body's `type` names."""
    if len(structs) == 1:
        return structs[0]
    try:
        message: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None  # the error was at its beginning
    kind = message.get("type") if isinstance(message, dict) else None
    return next((struct for struct in structs if _tag(struct) == kind), None)


def _tag(struct: type[msgspec.Struct]) -> str:
    return str(struct.__struct_config__.tag)
