"""Checking a file's value against its document's type, key by key, so that no problem hides another."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from deploydb.configuration.documents import AfterDocument
from deploydb.configuration.durations import parse_duration
from deploydb.configuration.source import Path, Source
from deploydb.domain.gates.promotion import Description
from deploydb.domain.suggestions import close_match, shown, suggestion
from deploydb.domain.unsafe_characters import not_allowed

D = TypeVar("D", bound=Struct)

_NAMES = {
    dict: "keys and values",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    NoneType: "nothing",
}

_WORDS = {"int": "a number", "float": "a number", "str": "text", "array": "a list", "object": "keys and values"}


class _Wrong:
    """Stands for a value with a problem."""


_WRONG = _Wrong()


def read_document(source: Source, kind: type[D], **given: object) -> D | None:
    """Read a document from the correct parts of a file; the rest is in `source.problems`.

    None where a required key is missing or wrong, or the text is no YAML. `given`: fields that are no keys.
    """
    if not source.readable:
        return None
    found = _struct(source, source.value if source.value is not None else {}, kind, (), given)
    return found if isinstance(found, kind) else None


def _struct(  # the struct, or _WRONG
    source: Source,
    value: Any,  # noqa: ANN401
    kind: type[Struct],
    at: Path,
    given: Mapping[str, object] = MappingProxyType({}),
) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return _unexpected(source, at, dict, value)
    known = {info.encode_name: info for info in fields(kind) if info.name not in given}
    taken: dict[str, Any] = {**given}
    for key, written in value.items():
        if key not in known:
            source.problem((*at, key), f"there is no key {shown(key)} here{suggestion(key, known)}", key=True)
        elif (read := _read(source, written, known[key].type, (*at, key))) is not _WRONG:
            taken[known[key].name] = read
    required = {info.name: info.encode_name for info in known.values() if _is_required(info)}
    for name in required.values():
        if name not in value:
            source.problem((*at, name), f"{name} is missing")
    return kind(**taken) if required.keys() <= taken.keys() else _WRONG


def _is_required(info: FieldInfo) -> bool:
    return info.default is msgspec.NODEFAULT and info.default_factory is msgspec.NODEFAULT


def _read(source: Source, value: Any, kind: Any, at: Path) -> Any:  # noqa: ANN401  # any YAML, any type
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    origin = get_origin(bare)
    if origin in (Union, UnionType):
        return _union(source, value, kind, get_args(bare), at)
    if isinstance(bare, type) and issubclass(bare, Struct):
        return _struct(source, value, bare, at)
    if origin is dict:
        if not isinstance(value, dict):
            return _unexpected(source, at, dict, value)
        for key in value:
            if (hidden := not_allowed(key)) is not None:
                source.problem((*at, key), f"{shown(key)}: {hidden} in a name", key=True)
        items = {key: _read(source, given, get_args(bare)[1], (*at, key)) for key, given in value.items()}
        kept = {key: None if item is _WRONG else item for key, item in items.items()}  # it is a stage even so
        return _bounded(source, at, kept, kind, dict[str, Any])
    if origin in (list, tuple):
        value = [] if value is None else value  # a key with nothing behind it, as when all items are commented out
        if not isinstance(value, list):
            return _unexpected(source, at, list, value)
        members = [_read(source, given, get_args(bare)[0], (*at, index)) for index, given in enumerate(value)]
        # A member with a problem is replaced, not left out: the index of the others is their place.
        listed = [_nothing(get_args(bare)[0]) if member is _WRONG else member for member in members]
        found = _bounded(source, at, listed, kind, list[Any])
        return found if found is _WRONG else origin(found)
    if bare is timedelta:
        return _attempt(source, at, lambda: parse_duration(value))
    if origin is Literal:
        words = get_args(bare)
        if value not in words:
            source.problem(
                at, f"expected {' or '.join(words)}, found {described(value)}{close_match(str(value), words)}"
            )
            return _WRONG
        return value
    if bare is float and isinstance(value, int | str) and not isinstance(value, bool):
        return _attempt(source, at, lambda: _converted(_number(value), kind))
    if bare is str and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # a version or a name that looks like a number
    if isinstance(value, bool) is not (bare is bool) or not isinstance(value, bare):
        return _unexpected(source, at, bare, value)
    if (
        bare is str
        and kind != Description
        and (hidden := not_allowed(value.replace("\n", "").replace("\t", ""))) is not None
    ):
        source.problem(at, f"{hidden} here, found {described(value)}")
        return _WRONG
    return _attempt(source, at, lambda: _converted(value, kind))


def _nothing(kind: Any) -> str | None:  # noqa: ANN401  # any type
    """Stands for a member of a list with a problem: None where that is allowed, or an empty text."""
    return None if NoneType in get_args(kind) else ""


def _union(source: Source, value: Any, kind: Any, members: tuple[Any, ...], at: Path) -> Any:  # noqa: ANN401
    """The first member that the value's shape fits: a union here never has two of one shape."""
    if value is None and NoneType in members:
        return None
    members = tuple(member for member in members if member is not NoneType)
    if len(members) == 1 and get_origin(kind) is Annotated:  # with its bounds
        return _read(source, value, Annotated[members[0], *kind.__metadata__], at)
    shapes = {str: str, list: list, tuple: list, dict: dict, AfterDocument: dict, int: int}
    for member in members:
        plain = get_args(member)[0] if get_origin(member) is Annotated else member
        shape = shapes.get(get_origin(plain) or plain)
        if shape is not None and isinstance(value, shape):
            return _read(source, value, member, at)
    return _read(source, value, members[0], at)


def _bounded(source: Source, at: Path, value: Any, kind: Any, shape: Any) -> Any:  # noqa: ANN401  # or _WRONG
    """The value, where its length is within the bounds of its type."""
    bounds = kind.__metadata__ if get_origin(kind) is Annotated else ()
    return _attempt(source, at, lambda: _converted(value, Annotated[shape, *bounds])) if bounds else value


def _converted(value: Any, kind: Any) -> Any:  # noqa: ANN401
    """The value within the bounds of its type. Raises: ValueError, with the bounds."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        for word, name in _WORDS.items():
            message = message.replace(f"`{word}`", name)
        raise ValueError(f"{message[0].lower()}{message[1:]}, found {described(value)}") from error


def _number(value: int | str) -> float:
    """Raises: ValueError for a text that is no decimal number."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a number, found {described(value)}")
    return number


def _attempt(source: Source, at: Path, read: Callable[[], Any]) -> Any:  # noqa: ANN401  # the value, or _WRONG
    try:
        return read()
    except (ValueError, OverflowError) as error:
        source.problem(at, str(error))
        return _WRONG


def _unexpected(source: Source, at: Path, expected: type, value: Any) -> _Wrong:  # noqa: ANN401
    source.problem(at, f"expected {_NAMES[expected]}, found {described(value)}")
    return _WRONG


def described(value: Any) -> str:  # noqa: ANN401  # any YAML
    """The value for a message, with its kind."""
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else _NAMES[type(value)]
