"""The body of a request as JSON, and the fields of it by dotted paths: `release.tag_name`, `sources.0.chart`."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
from dateutil import parser
from msgspec import Struct

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.suggestions import shown
from deploydb.domain.unsafe_characters import is_name

FORM = "application/x-www-form-urlencoded"
_PLAIN = re.compile(r"\d{9,14}(\.\d+)?")
_DATED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?")
"""Nothing less is a time: the parser would fill it up with the time of now."""
_FIRST_YEAR = 1980
"""Times before are placeholders, such as the year 1."""
_MILLISECONDS = 1e11
COMMIT = re.compile(r"[0-9a-f]{7,64}")
"""The id of a commit, whole or short."""


class Request(Struct, frozen=True, kw_only=True):
    """A webhook as it came. Names of `headers` are in small letters."""

    body: bytes
    headers: dict[str, str] = {}
    query: dict[str, str] = {}

    def header(self, name: str) -> str:
        """Raises: MessageRejected where it is missing."""
        value = self.headers.get(name.lower(), "")
        if not value:
            raise MessageRejected("the header is missing", path=name)
        return value


class Payload:
    """A JSON object, and where it is in the body."""

    def __init__(self, value: dict[str, Any], at: str = "$") -> None:
        self.value = value
        self._at = at

    @classmethod
    def of(cls, request: Request) -> "Payload":
        """The body's object; of a form, that of its field `payload`. Raises: MessageRejected."""
        body = request.body
        try:
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
                fields = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=10)
                body = fields.get("payload", [""])[0].encode()
            value = msgspec.json.decode(body)
        except (ValueError, RecursionError) as error:  # msgspec's and Unicode's are of ValueError
            raise MessageRejected(f"the body is no JSON: {shown(str(error))}") from error
        if not isinstance(value, dict):
            raise MessageRejected("the body is no JSON object")
        return cls(value)

    def get(self, path: str) -> Any:  # noqa: ANN401  # any JSON
        """The value at a path; None where there is none."""
        value: Any = self.value
        for part in path.split("."):
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and part.isdecimal():
                value = value[int(part)] if int(part) < len(value) else None
            else:
                return None
        return value

    def maybe(self, path: str) -> str | None:
        """A text or a number, as text; None where it is missing, null or empty. Raises: MessageRejected for others."""
        value = self.get(path)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.reject(path, f"expected text, found {_kind(value)}")
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()

    def shown(self, path: str) -> str | None:
        """A text, a number, or true or false, as text; None for others."""
        return _shown(self.get(path))

    def words(self, path: str) -> dict[str, str]:
        """The values of an object that are shown as text; none where it is no object."""
        value = self.get(path)
        found = {str(name): _shown(one) for name, one in value.items()} if isinstance(value, dict) else {}
        return named(**found)

    def text(self, path: str) -> str:
        """Raises: MessageRejected where it is missing, empty, or neither text nor a number."""
        value = self.maybe(path)
        return value if value is not None else self.reject(path, "is missing")

    def part(self, path: str) -> "Payload":
        """Raises: MessageRejected where it is no object."""
        value = self.get(path)
        if not isinstance(value, dict):
            self.reject(path, "is missing" if value is None else f"expected an object, found {_kind(value)}")
        return Payload(value, f"{self._at}.{path}")

    def parts(self, path: str) -> "list[Payload]":
        """The objects of a list; none where it is missing. Raises: MessageRejected."""
        value = self.get(path)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.reject(path, "expected a list of objects")
        return [Payload(one, f"{self._at}.{path}.{index}") for index, one in enumerate(value)]

    def time(self, *paths: str) -> datetime | None:
        """The first time that there is, in UTC: ISO 8601, GitLab's `2021-04-28 21:50:00 +0200`, or seconds or
        milliseconds since 1970. Raises: MessageRejected."""
        for path in paths:
            text = self.maybe(path)
            if text is None:
                continue
            try:
                found = _time(text)
            except (ValueError, OverflowError):
                self.reject(path, f"expected a time, found {shown(text)}")
            if found.year >= _FIRST_YEAR:
                return found
        return None

    def commit(self, path: str) -> str | None:
        """A commit's id; None where it is none, such as a branch."""
        value = self.get(path)
        return value.lower() if isinstance(value, str) and COMMIT.fullmatch(value.lower()) else None

    def person(self, *paths: str) -> str | None:
        """The first name of a person that there is."""
        found = (self.get(path) for path in paths)
        return next((name for name in found if isinstance(name, str) and is_name(name)), None)

    def reject(self, path: str, problem: str) -> Any:  # noqa: ANN401  # never returns
        """Raises: MessageRejected that names the field."""
        raise MessageRejected(problem, path=f"{self._at}.{path}")


def named(**values: str | None) -> dict[str, str]:
    """The names that there are."""
    return {name: value for name, value in values.items() if value}


def _shown(value: Any) -> str | None:  # noqa: ANN401  # any JSON
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return value or None if isinstance(value, str) else None


def _time(text: str) -> datetime:
    if _PLAIN.fullmatch(text):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS else seconds, UTC)
    if not _DATED.fullmatch(text):
        raise ValueError(text)
    found = parser.parse(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _kind(value: Any) -> str:  # noqa: ANN401  # any JSON
    return {list: "a list", dict: "an object", bool: "true or false"}.get(type(value), "a number")
