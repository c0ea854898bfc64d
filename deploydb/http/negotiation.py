"""The media types of requests and answers (RFC 9110 §12.5.1): JSON has two names."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request

JSON = "application/json"
V1_JSON = "application/vnd.deploydb.v1+json"
FORM = "application/x-www-form-urlencoded"
_OFFERED = (JSON, V1_JSON)

_ANY = ("*/*", 0)
_ANY_APPLICATION = ("application/*", 1)
_EXACT = 2


def media_type(accept: Sequence[str]) -> str:
    """The media type to answer in, for the lines of `Accept`: the one preferred, JSON where neither is.

    Raises: HTTPException 406 where it takes neither.
    """
    asked_for = ", ".join(accept)
    if not asked_for.strip():
        return JSON
    ranges = [_range(each) for each in asked_for.split(",")]
    weights = {offered: _weight(offered, ranges) for offered in _OFFERED}
    best = max(_OFFERED, key=lambda offered: weights[offered])
    if weights[best][0] <= 0:
        raise HTTPException(406, f"{asked_for[:200]} is not available: ask for {JSON} or {V1_JSON}")
    return best


def content_type(request: Request) -> str:
    """The media type of a request's body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def takes_html(request: Request) -> bool:
    """Whether the client names HTML among what it takes, as browsers do."""
    return any("text/html" in line for line in request.headers.getlist("accept"))


def _range(text: str) -> tuple[str, float]:
    """A media range and its quality. Other parameters do not matter: there is one JSON, in UTF-8."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _weight(offered: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """The quality of what is offered, by the most specific range that names it, and how specific that is."""
    matched = []
    for name, quality in ranges:
        if name == offered:
            matched.append((_EXACT, quality))
        matched += [(rank, quality) for wide, rank in (_ANY, _ANY_APPLICATION) if name == wide]
    if not matched:
        return (0.0, 0)
    specific, quality = max(matched)
    return (quality, specific)
