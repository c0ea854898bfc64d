"""Reasons as answers give them: the code and its parameters for programs, the text for people."""

from typing import Any, overload

import msgspec
from msgspec import Struct

from deploydb.domain.model.reasons import Reason
from deploydb.domain.wording import text


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
