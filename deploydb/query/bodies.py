"""Bodies of answers, made from what is stored; and reasons as answers give them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args, overload

import msgspec
from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.reasons import Reason
from deploydb.domain.short_wording import short
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
    """A reason: a stable `code`, its `params`, and the whole as `text`. `short`: in a few words, where that is another
    text. Texts may change; codes do not."""

    code: str
    params: dict[str, Any]
    text: str
    short: str | UnsetType = UNSET


@overload
def reason_body(reason: Reason) -> ReasonBody: ...
@overload
def reason_body(reason: Reason | None) -> ReasonBody | None: ...


def reason_body(reason: Reason | None) -> ReasonBody | None:
    """The answer about a reason; null for none."""
    if reason is None:
        return None
    params = msgspec.to_builtins(reason)
    whole, brief = text(reason), short(reason)
    return ReasonBody(code=params.pop("code"), params=params, text=whole, short=UNSET if brief == whole else brief)


_WRITERS: Mapping[type, Callable[..., object]] = {
    datetime: datetime.isoformat,
    **dict.fromkeys(get_args(Reason), reason_body),
}
