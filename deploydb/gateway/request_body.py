"""The body of a request, bounded, as fields."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from deploydb.http.errors import shown
from deploydb.http.negotiation import FORM, JSON, V1_JSON, content_type

MOST_BYTES = 64 * 1024
MOST_FIELDS = 50
BODY_WITHIN_SECONDS = 10.0
"""A slower client keeps a connection for nothing."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Content(Struct, frozen=True, kw_only=True):
    """Fields by name. A form's are all texts; an empty one is as good as none."""

    fields: Mapping[str, Any]
    is_form: bool

    def text(self, name: str) -> str | None:
        """A field that must be a text; None where it is not given. Raises: TypeError."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"expected a text, found {shown(msgspec.json.encode(value).decode())}")
        return value or None


async def content_of(request: Request, *, forms_only: bool = False) -> Content:
    """The fields of a request.

    Raises: HTTPException 413 where it is too long, 408 where it does not come, 415 for a type that is not taken, 400
    where it cannot be read.
    """
    kind = content_type(request)
    taken = (FORM,) if forms_only else (JSON, V1_JSON, FORM)
    if kind not in taken:
        message = f"content type {shown(kind) or '(none)'} is not taken: send {' or '.join(taken)}"
        raise HTTPException(415, message, {"Accept": ", ".join(taken)})
    body = await bounded_body(request, MOST_BYTES)
    return Content(fields=_form(body) if kind == FORM else json_fields(body), is_form=kind == FORM)


async def bounded_body(request: Request, most: int) -> bytes:
    """Raises: HTTPException 415 where it is compressed, 413 beyond so many bytes, 408 where it does not come, 400 where
    it ends too early."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        message = f"content encoding {shown(coding)} is not taken: send the body as it is"
        raise HTTPException(415, message, {"Accept-Encoding": "identity"})
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    break
            else:
                return bytes(body)
    except ClientDisconnect as error:
        raise HTTPException(400, "the connection ended in the middle of the body") from error
    except TimeoutError as error:
        message = f"the body was not there within {BODY_WITHIN_SECONDS:.0f} s"
        raise HTTPException(408, message, {"Connection": "close"}) from error
    raise HTTPException(413, f"the body has more than {most} bytes", {"Connection": "close"})


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400, f"the form cannot be read: {_of_value(error)}") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise HTTPException(400, f"the form has the field {shown(name)} twice")
        fields[name] = value
    return fields


def json_fields(body: bytes) -> dict[str, Any]:
    """The members of an object. Raises: HTTPException 400 where it is none."""
    try:
        body.decode("utf-8")
        fields = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"the body is no JSON object: {_of_value(error)}") from error
    return fields


def _of_value(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    return "it is nested too deep" if isinstance(error, RecursionError) else shown(str(error))
