"""Lengths of time as people write them: `90s`, `2h30m`, `1d`, or ISO 8601 (`PT2H`)."""

import re
from datetime import timedelta

import msgspec

_PARTS = re.compile(r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?")


def parse_duration(value: object) -> timedelta:
    """The length of time that a value says.

    Raises: ValueError, saying what to write.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004  # one kind of error for whatever is wrong with a value
            f"{value} of what? Write the unit: {value}s, {value}m, {value}h or {value}d"
        )
    if not isinstance(value, str):
        raise ValueError("expected a length of time such as 90s, 2h30m or 1d")  # noqa: TRY004
    found = _PARTS.fullmatch(value)
    if value and found:
        return timedelta(**{unit: int(count) for unit, count in found.groupdict().items() if count})
    try:
        return msgspec.convert(value, timedelta)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError(f"{value} is no length of time; write for example 90s, 2h30m or 1d") from None
