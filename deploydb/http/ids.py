"""Ids of rows in paths."""

from deploydb.http.errors import bad_request, not_found, shown

LARGEST = 2**63 - 1
"""What the database can count to."""
_DIGITS_OF_LARGEST = 19


def row_id(text: str, what: str) -> int:
    """An id of the path. Raises: HTTPException 400 where it is no integer, 404 where no row can have it."""
    require_integer(text, what)
    number = integer(text) or 0
    if not 0 < number <= LARGEST:
        raise not_found(f"there is no {what} {shown(text)}")
    return number


def require_integer(text: str, what: str) -> None:
    """Raises: HTTPException 400 where an id of the path is no integer."""
    if integer(text) is None:
        raise bad_request(f"{shown(text)} is not the id of {what}: ids are integers")


def integer(text: str) -> int | None:
    """The integer that a text is, or one beyond any id; None where it is none. ASCII digits only."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return int(text) if len(digits.lstrip("0")) <= _DIGITS_OF_LARGEST and len(digits) <= 100 else LARGEST + 1
