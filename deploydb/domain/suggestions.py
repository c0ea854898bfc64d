"""Words in messages: on one line, of bounded length, with the known word that a misspelt one was meant to be."""

from bisect import bisect_left
from collections.abc import Iterable
from difflib import get_close_matches

from deploydb.domain.unsafe_characters import visible

_LONGEST_SHOWN = 60
_LONGEST_COMPARED = 128
_NEIGHBOURS = 20
"""Words on each side, in alphabetical order, that a misspelling is compared with. Comparing takes microseconds a word,
and a broken directory may have thousands of misspellings with thousands of words to compare."""


def shown(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """A text for a message, or a whole message: on one line, of bounded length."""
    kept = text if len(text) <= longest else f"{text[:longest]}…"
    return visible(kept, keep="")


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or the known words where they are few, or nothing."""
    words = sorted(known)
    return close_match(word, words) or (f"; there is {', '.join(words)}" if 0 < len(words) <= 12 else "")


def close_match(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing."""
    near = nearest_word(word, known)
    return f"; did you mean {near}?" if near is not None else ""


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one was meant to be; None where none is near."""
    words = sorted(known)
    at = bisect_left(words, word)
    near = words[max(at - _NEIGHBOURS, 0) : at + _NEIGHBOURS]
    return next(iter(get_close_matches(word[:_LONGEST_COMPARED], near, n=1)), None)
