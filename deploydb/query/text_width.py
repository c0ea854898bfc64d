"""The width of texts in cells: characters of some scripts take two, marks none."""

from bisect import bisect_right
from itertools import accumulate

from rich.cells import cell_len


def cut_in_middle(text: str, cells: int) -> str:
    """The text without its middle where it is wider; at least a sign for that is left, and 2 cells."""
    head, middle, tail = around_middle(text, cells)
    return f"{head}…{tail}" if middle else text


def around_middle(text: str, cells: int) -> tuple[str, str, str]:
    """The text in three: the middle is what there is no room for beside a sign for it; empty where all has room.
    The end, where versions differ, has most of it."""
    if cell_len(text) <= cells:
        return text, "", ""
    kept = max(cells - 1, 2)
    first = max(kept * 2 // 5, 1)
    head, tail = _beginning(text, first), _beginning(text[::-1], kept - first)[::-1]
    return head, text[len(head) : len(text) - len(tail)], tail


def _beginning(text: str, cells: int) -> str:
    return text[: bisect_right(list(accumulate(map(cell_len, text))), cells)]
