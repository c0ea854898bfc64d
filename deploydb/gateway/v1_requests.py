"""The bodies of writes by the v1 interface, checked."""

from typing import Any

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.deployment import Status
from deploydb.gateway.field_reader import FieldReader
from deploydb.gateway.request_body import Content, bounded_body, json_fields
from deploydb.http.errors import bad_request, shown
from deploydb.http.negotiation import JSON, V1_JSON, content_type

LONGEST = 8192
MOST_BYTES = 512 * 1024
"""Three fields of 8192 characters, and a version, each character escaped as two surrogates (12 bytes)."""
_STATUSES = (*Status, "VERIFIED")
"""Every word that is a status, of a deployment, of a promotion result, or in a webhook."""


async def fields_of(request: Request) -> Content:
    """The fields of a request; none of an empty body.

    Raises: HTTPException 415 for another content type, 413 and 408 as `bounded_body`, 400 where it is no JSON object.
    """
    kind, taken = content_type(request), (JSON, V1_JSON)
    body = (await bounded_body(request, MOST_BYTES)).strip()
    if kind not in taken and (kind or body):
        message = f"content type {shown(kind) or '(none)'} is not taken: send {' or '.join(taken)}"
        raise HTTPException(415, message, {"Accept": ", ".join(taken)})
    return Content(fields=json_fields(body) if body not in (b"", b"null") else {}, is_form=False)


def artifact_of(content: Content) -> Artifact:
    """The artifact of a request. Raises: HTTPException 422 that names each field which is missing or wrong."""
    fields = FieldReader(_texts(content, "group", "name", "version"))
    artifact = Artifact(
        group=fields.name("group", longest=LONGEST),
        name=fields.name("name", longest=LONGEST),
        version=fields.name("version"),
        url=fields.name("sourceUrl", longest=LONGEST),
        digest=fields.name("digest", required=False) or None,
    )
    fields.require()
    return artifact


def status_of(content: Content) -> str:
    """The status of a request. Raises: HTTPException 422 where it is missing, 400 for a word that is no status."""
    status = _word(content)
    if status is None:
        raise HTTPException(422, "status is missing")
    return status


class NewResult(Struct, frozen=True, kw_only=True):
    """A promotion's result. `status`: None where the request has none."""

    name: str
    status: str | None
    url: str | None

    @classmethod
    def of(cls, content: Content) -> "NewResult":
        """The result of a request.

        Raises: HTTPException 400 for a word that is no status, 422 that names each field which is missing or wrong.
        """
        status = _word(content, more={"FAILURE": "FAILED"})  # the word of the Jenkins plugin
        fields = FieldReader(content)
        name = fields.name("name")
        url = fields.name("infoUrl", required=False, longest=LONGEST) or None
        fields.require()
        return cls(name=name, status=status, url=url)


def _word(content: Content, *, more: dict[str, str] | None = None) -> str | None:
    given: Any = content.fields.get("status")
    if given is None:
        return None
    word = (more or {}).get(given, given) if isinstance(given, str) else None
    if word not in _STATUSES:
        word = shown(msgspec.json.encode(given).decode())
        raise bad_request(f"{word} is no status: there is {', '.join(_STATUSES)}")
    return str(word)


def _texts(content: Content, *names: str) -> Content:
    """With these fields as texts, where they are numbers: a version may look like one."""
    numbers = {
        name: str(value)
        for name in names
        if isinstance(value := content.fields.get(name), int) and not isinstance(value, bool)
    }
    return Content(fields={**content.fields, **numbers}, is_form=content.is_form)
