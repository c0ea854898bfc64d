"""Pages of lists: `?pageNumber=` from 0, and `?perPageSize=`."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from deploydb.http.errors import not_found
from deploydb.http.ids import LARGEST

T = TypeVar("T")

DEFAULT_SIZE = 20
MOST = 1000
"""The server's cap: no page is larger, whatever is asked for."""


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted. A larger size than the cap is the cap, so that page after page misses nothing.
    `asked`: the number as the client wrote it."""

    number: int
    size: int
    asked: str = "0"

    @classmethod
    def of(cls, number: int, size: int, asked: str | None = None) -> "Page":
        """The page with this number. Raises: HTTPException 404 where no list has such a page."""
        wanted = cls(number=number, size=min(size, MOST), asked=asked or str(number))
        if wanted.offset > LARGEST:
            raise wanted.missing()
        return wanted

    @property
    def offset(self) -> int:
        """How many come before it."""
        return self.number * self.size

    def filled(self, items: Sequence[T]) -> Sequence[T]:
        """The page's items. Raises: HTTPException 404 where there are none."""
        if not items:
            raise self.missing()
        return items

    def missing(self) -> Exception:
        """What to raise where nothing is on it."""
        return not_found(f"there is no page {self.asked[:30]}: nothing is on it")
