"""The width of texts in cells: characters of some scripts take two, marks none."""

from bisect import bisect_right
from itertools import accumulate

from rich.cells import cell_len


def cut_in_middle(text: str, cells: int) -> str:
    """The text without its middle where it is wider; at least a sign for that is left, and 2 cells."""
    if cell_len(text) <= cells:
        return text
    kept = max(cells - 1, 2)
    return f"{_beginning(text, kept - kept // 2)}…{_beginning(text[::-1], kept // 2)[::-1]}"


def _beginning(text: str, cells: int) -> str:
    return text[: bisect_right(list(accumulate(map(cell_len, text))), cells)]
