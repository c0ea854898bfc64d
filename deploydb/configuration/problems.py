"""What is wrong in a configuration, and where."""

from collections.abc import Iterable
from difflib import get_close_matches

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True, order=True):
    """One thing to mend. Lines and columns count from 1, as editors do."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or the words there are where they are few, or nothing."""
    words = sorted(known)
    return close_match(word, words) or (f"; there is {', '.join(words)}" if 0 < len(words) <= 8 else "")


def close_match(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
