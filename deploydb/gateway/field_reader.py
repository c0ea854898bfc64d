"""The fields of a request, read and checked."""

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from deploydb.domain.suggestions import close_match
from deploydb.domain.unsafe_characters import not_allowed
from deploydb.gateway.request_body import Content
from deploydb.http.errors import shown

LONGEST_COMMENT = 2000
LONGEST_NAME = 255
MOST_NAMES = 100
_LARGEST = 2**63 - 1


class FieldReader:
    """Field after field; what is wrong is kept, by name."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self.wrong: dict[str, str] = {}

    def require(self) -> None:
        """Raises: HTTPException 422 that names each field which is missing or wrong."""
        if self.wrong:
            raise HTTPException(422, "; ".join(f"{name} {problem}" for name, problem in self.wrong.items()))

    def name(self, field: str, *, required: bool = True, longest: int = LONGEST_NAME) -> str:
        text = self._text(field)
        if text is None or text == "":
            if required and field not in self.wrong:
                self.wrong[field] = "is missing"
            return ""
        if len(text) > longest:
            self.wrong[field] = f"has {len(text)} characters, at most {longest} are taken"
        elif (hidden := not_allowed(text)) is not None:
            self.wrong[field] = f"has a character that cannot be seen: {hidden}"
        return text

    def choice(self, field: str, known: tuple[str, ...]) -> str:
        text = self._text(field) or ""
        if text not in known and field not in self.wrong:
            found = f"found {shown(text)!r}" if text else "it is missing"
            self.wrong[field] = f"must be {' or '.join(known)}, {found}"
        return text

    def comment(self, field: str, *, required: bool = False, why: str = "") -> str:
        """As it was written; a blank one is none. `why`: the reason for which it is required."""
        text = self._text(field) or ""
        if self._content.is_form:
            text = text.replace("\r\n", "\n")  # browsers send line ends as CRLF
        if len(text) > LONGEST_COMMENT:
            self.wrong[field] = f"has {len(text)} characters, at most {LONGEST_COMMENT} are taken"
        if required and not text.strip() and field not in self.wrong:
            self.wrong[field] = f"is missing: {why}" if why else "is missing"
        return text if text.strip() else ""

    def names(self, field: str) -> tuple[str, ...]:
        """A list of texts; in a form, one text with commas between them."""
        value: Any = self._content.fields.get(field) or []
        if self._content.is_form and isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()]
        if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
            self.wrong[field] = f"expected a list of texts, found {shown(msgspec.json.encode(value).decode())}"
            return ()
        if len(value) > MOST_NAMES or any(len(name) > LONGEST_NAME for name in value):
            self.wrong[field] = f"has more than {MOST_NAMES} texts, or one of more than {LONGEST_NAME} characters"
            return ()
        return tuple(value)

    def moment(self, field: str) -> datetime | None:
        """A time with its offset from UTC; in a form, one without an offset is in UTC."""
        text = self._text(field)
        if not text:
            return None
        moment: datetime | None = None
        with suppress(ValueError):
            moment = datetime.fromisoformat(text)
        if moment is not None and moment.tzinfo is None and self._content.is_form:
            moment = moment.replace(tzinfo=UTC)
        if moment is None or moment.tzinfo is None:
            example = "2026-12-24T18:00:00+01:00"
            self.wrong[field] = f"expected a time with its offset from UTC, such as {example}, found {shown(text)}"
            return None
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            self.wrong[field] = f"is out of range: {shown(text)}"
            return None

    def refuse_others(self, known: Collection[str]) -> None:
        """A field that is not known is wrong: a misspelt `until` would be an order without an end."""
        for name in self._content.fields:
            if name not in known:
                self.wrong[shown(name)] = f"is no field of this order{close_match(name, known)}"

    def number(self, field: str) -> int | None:
        value: Any = self._content.fields.get(field)
        if self._content.is_form and isinstance(value, str):
            value = (int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else value) or None
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LARGEST:
            self.wrong[field] = "is not the id of a deployment: ids are integers"
            return None
        return value

    def flag(self, field: str) -> bool:
        value: Any = self._content.fields.get(field, False)
        if self._content.is_form:
            value = {"true": True, "false": False}.get(value, value)
        if isinstance(value, bool):
            return value
        self.wrong[field] = f"expected true or false, found {shown(str(value))}"
        return False

    def _text(self, field: str) -> str | None:
        try:
            return self._content.text(field)
        except TypeError as error:
            self.wrong[field] = str(error)
            return None
