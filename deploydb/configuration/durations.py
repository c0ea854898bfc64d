"""Durations as people write them: `90s`, `2h30m`, `1d`, or ISO 8601 (`PT2H`)."""

import re
from datetime import timedelta

LONGEST = timedelta(days=3650)
"""A bound, so that any time plus a duration is a time again."""

_N = r"(\d{1,9})"
_SHORT = rf"(?:{_N}d)?(?:{_N}h)?(?:{_N}m)?(?:{_N}s)?"
_ISO_8601 = rf"P(?:{_N}D)?(?:T(?=\d)(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?"
# Without years and months, which differ in length.
PATTERN = rf"^(?=.*\d)(?:{_SHORT}|{_ISO_8601})$".replace(_N, _N[1:-1])
"""The same as one regular expression, for JSON Schema."""

_FORMS = (re.compile(_SHORT, re.ASCII), re.compile(_ISO_8601, re.ASCII))


def parse_duration(value: object) -> timedelta:
    """Parse a duration, longer than nothing and at most `LONGEST`. Raises: ValueError, with the remedy."""
    if not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, str) and value.isdecimal())):
        raise ValueError(  # one kind of error for all problems of a value
            f"{value} of what? Write the unit: {value}s, {value}m, {value}h or {value}d"
        )
    if not isinstance(value, str):
        raise ValueError("expected a length of time such as 90s, 2h30m or 1d")  # noqa: TRY004
    found = next((match for form in _FORMS if (match := form.fullmatch(value)) and any(match.groups())), None)
    if found is None:
        raise ValueError(f"{value[:40]} is no length of time; write for example 90s, 2h30m or 1d")
    days, hours, minutes, seconds = (int(count or 0) for count in found.groups())
    # Compared as a whole number of seconds: timedelta itself overflows on what the digits allow.
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not 0 < total <= LONGEST.total_seconds():
        raise ValueError(f"{value} is out of bounds: longer than nothing, at most {LONGEST.days}d")
    return timedelta(seconds=total)
