"""The problems of a configuration, with their places."""

from msgspec import Struct

LONGEST_MESSAGE = 500


class Problem(Struct, frozen=True, kw_only=True, order=True):
    """One problem. Lines and columns count from 1, as editors do."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"
