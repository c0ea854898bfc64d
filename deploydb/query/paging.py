"""Pages of lists: `?pageNumber=` from 0, and `?perPageSize=`."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from deploydb.http.errors import not_found, shown
from deploydb.http.ids import LARGEST

T = TypeVar("T")

DEFAULT_SIZE = 20
MOST = 1000
"""The server's cap: no page is larger, whatever is asked for."""
ALL = 2**31
"""The size of the page that is a whole list, of those that come in pages only where one is asked for."""


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted. A larger size than the cap is the cap, so that page after page misses nothing.
    `asked`: the number as the client wrote it; `address`: of the list, without its page."""

    number: int
    size: int
    address: str
    asked: str = "0"

    @classmethod
    def of(cls, number: int, size: int, address: str, asked: str | None = None) -> "Page":
        """The page with this number. Raises: HTTPException 404 where no list has such a page."""
        wanted = cls(number=number, size=size, address=address, asked=asked or str(number))
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
        return not_found(f"there is no page {self.asked[:30]} of {shown(self.address)}: nothing is on it")
