"""A finding of `doctor`."""

from typing import Literal

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True):
    """What was seen of one thing, and what to do about it; nothing to do where it is as it must be."""

    check: str
    state: Literal["ok", "warn", "fail"]
    seen: str
    advice: str = ""
