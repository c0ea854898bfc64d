"""Bodies of answers, made from what is stored; and reasons as answers give them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args, overload

import msgspec
from msgspec import Struct

from deploydb.domain.model.reasons import Reason
from deploydb.domain.wording import text

B = TypeVar("B", bound=Struct)


def body_of(kind: type[B], view: object, /, **given: object) -> B:
    """A body with the attributes of `view` that its fields are named after, but for the fields that are `given`.

    Times are written as ISO 8601 with their offset from UTC, reasons as `ReasonBody`.
    """
    fields = {}
    for name in kind.__struct_fields__:
        value = given[name] if name in given else getattr(view, name)
        write = _WRITERS.get(type(value))
        fields[name] = value if write is None else write(value)
    return kind(**fields)


class ReasonBody(Struct, frozen=True, kw_only=True, gc=False):
    """A reason: a stable `code`, its `params`, and the whole as `text`. Texts may change; codes do not."""

    code: str
    params: dict[str, Any]
    text: str


@overload
def reason_body(reason: Reason) -> ReasonBody: ...
@overload
def reason_body(reason: Reason | None) -> ReasonBody | None: ...


def reason_body(reason: Reason | None) -> ReasonBody | None:
    """The answer about a reason; null for none."""
    if reason is None:
        return None
    params = msgspec.to_builtins(reason)
    return ReasonBody(code=params.pop("code"), params=params, text=text(reason))


_WRITERS: Mapping[type, Callable[..., object]] = {
    datetime: datetime.isoformat,
    **dict.fromkeys(get_args(Reason), reason_body),
}
