"""The fields of a request, read and checked."""

from typing import Any

from starlette.exceptions import HTTPException

from deploydb.domain.unsafe_characters import not_allowed
from deploydb.gateway.request_body import Content
from deploydb.http.errors import shown

LONGEST_COMMENT = 2000
LONGEST_NAME = 255
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

    def name(self, field: str, *, required: bool = True) -> str:
        text = self._text(field)
        if text is None or text == "":
            if required and field not in self.wrong:
                self.wrong[field] = "is missing"
            return ""
        if len(text) > LONGEST_NAME:
            self.wrong[field] = f"has {len(text)} characters, at most {LONGEST_NAME} are taken"
        elif (hidden := not_allowed(text)) is not None:
            self.wrong[field] = f"has a character that cannot be seen: {hidden}"
        return text

    def choice(self, field: str, known: tuple[str, ...]) -> str:
        text = self._text(field) or ""
        if text not in known and field not in self.wrong:
            found = f"found {shown(text)!r}" if text else "it is missing"
            self.wrong[field] = f"must be {' or '.join(known)}, {found}"
        return text

    def comment(self, field: str) -> str:
        """As it was written; a blank one is none."""
        text = self._text(field) or ""
        if self._content.is_form:
            text = text.replace("\r\n", "\n")  # browsers send line ends as CRLF
        if len(text) > LONGEST_COMMENT:
            self.wrong[field] = f"has {len(text)} characters, at most {LONGEST_COMMENT} are taken"
        return text if text.strip() else ""

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
