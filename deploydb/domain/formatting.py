"""Durations, times, lists and errors in messages."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from deploydb.domain.suggestions import shown

_LONGEST_ERROR = 1000
_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
UNITS = ((365 * 86400, "y"), (86400, "d"), (3600, "h"), (60, "m"))
"""Of ages, in seconds, the largest first."""


def in_words(duration: timedelta) -> str:
    """`2h30m`, `45s`, `3d`, `0.5s`: the largest units first, without zeros. Fractions count only below a second."""
    total = duration.total_seconds()
    if total < 1:
        return f"{total:.6f}".rstrip("0").rstrip(".") + "s"
    seconds = int(total)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def listed(names: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f" {last} ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def instant(at: datetime) -> str:
    """A time, to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def error_text(error: Exception) -> str:
    """An error: its type and its message on one line, of bounded length."""
    return shown(f"{type(error).__name__}: {error}", _LONGEST_ERROR)


def counted(number: int, noun: str, several: str | None = None) -> str:
    """`1 approval`, `2 approvals`. `several`: the plural of a noun without an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def span(seconds: float) -> str:
    """`12s`, `3h`, `5d`, `4y`: the largest unit that is reached."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(max(seconds, 0))}s"


def span_left(seconds: float) -> str:
    """The same of the time until something: a hundredth is left out, so that 2d are `2d` a moment later, too."""
    return span(seconds * 1.01)


def without_breaks(text: str) -> str:
    """A text of others as a part of a sentence: its lines beside each other."""
    return _BREAKS.sub(" ", text.strip("\r\n"))
