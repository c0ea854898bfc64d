"""Versions and names in little room: cut in the middle, and still distinct."""

from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile

from deploydb.query.text_width import around_middle

Part = tuple[str, bool]
"""A part of a version, and whether it is shown: what is hidden is copied, found and read aloud all the same."""


def cut(versions: Collection[str], longest: int) -> Mapping[str, Sequence[Part]]:
    """The parts of each version, of at most `longest` cells shown. Versions of a row that would look the same are
    cut where they do not differ; those that differ in two distant places are whole."""
    parts = {version: _parts(*around_middle(version, longest)) for version in versions}
    for same in _alike(parts):
        before = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*same, strict=False)))
        parts |= {version: _around(version, before, longest) for version in same}
    for same in _alike(parts):
        parts |= {version: [(version, True)] for version in same}
    return parts


def _parts(head: str, middle: str, tail: str) -> Sequence[Part]:
    return [(text, shown) for text, shown in ((head, True), (middle, False), (tail, True)) if text]


def _around(version: str, place: int, longest: int) -> Sequence[Part]:
    """With what stands at a place, and the first characters."""
    head = longest // 5
    start = max(place - 1, head)
    end = start + longest - head - 2
    pieces = [(version[:head], True), (version[head:start], False), (version[start:end], True), (version[end:], False)]
    return [piece for piece in pieces if piece[0]]


def _alike(parts: Mapping[str, Sequence[Part]]) -> Sequence[Sequence[str]]:
    looks: dict[str, list[str]] = {}
    for version, pieces in parts.items():
        looks.setdefault("".join(text if shown else "\0" for text, shown in pieces), []).append(version)
    return [same for same in looks.values() if len(same) > 1]
