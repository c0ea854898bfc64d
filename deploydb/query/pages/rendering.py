"""Templates, what they may call, and the answers that browsers get."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from deploydb import __version__
from deploydb.domain.formatting import span
from deploydb.domain.model.publications import REMEDY
from deploydb.domain.unsafe_characters import visible
from deploydb.http.authentication import came_by_https
from deploydb.identity import APPROVE, FORM_COOKIE, FORM_FIELD, Person
from deploydb.query.pages import filters
from deploydb.query.pages.change_words import change_detail, change_look
from deploydb.query.pages.files import Files

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_LONGEST_TOKEN = 200


class Rendering:
    """Makes pages from templates. All text is escaped, and what cannot be seen or would turn a line around is shown as
    an escape; a name that a template misspells is an error. `pages`: those that every page leads to, with their titles.
    """

    def __init__(self, files: Files, pages: Sequence[tuple[str, str]]) -> None:
        self._environment = Environment(
            loader=PackageLoader("deploydb.query"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for one in (
            filters.absolute,
            filters.times,
            filters.times_apart,
            filters.typed,
            filters.segment,
            filters.reachable,
            span,
            filters.spelled,
            filters.meaning,
            filters.passed_by,
            filters.plain_kind,
        ):
            self._environment.filters[one.__name__] = one
        for known in (
            change_look,
            change_detail,
            filters.state,
            filters.coming,
            filters.obstacle,
            filters.held,
            filters.age,
            filters.lasted,
            filters.moment,
            filters.counts,
        ):
            self._environment.globals[known.__name__] = known
        self._environment.globals.update(
            static=files.address,
            holds_known=filters.HOLDS,
            release=__version__,
            pages_known=pages,
            form_field=FORM_FIELD,
            remedy=REMEDY,
        )

    def html(
        self, template: str, request: Request, now: datetime, context: Mapping[str, Any], status: int = 200
    ) -> HTMLResponse:
        """A page. Where it has a form, the browser is given what the form says again."""
        form = _Form(request)
        known: dict[str, Any] = request.scope.get("state", {})
        person: Person | None = known.get("person")
        text = self._environment.get_template(template).render(
            **context,
            now=now,
            form=form,
            person=person,
            may_sign_in="person" in known,
            may_decide=person is not None and APPROVE in person.scopes,
            address=address_of(request),
            here=here(request),
            query=request.query_params,
        )
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Referrer-Policy": "same-origin",  # without it a form's `Origin` is null
            "Cache-Control": "no-store",
        }
        response = HTMLResponse(visible(text), status_code=status, headers=headers)
        if form.is_new:
            secure = came_by_https(request)
            response.set_cookie(FORM_COOKIE, form.token, httponly=True, samesite="strict", path="/", secure=secure)
        return response


class _Form:
    """What the browser's forms say again in a field: a secret in its cookie, made when a template first asks for it."""

    def __init__(self, request: Request) -> None:
        given = request.cookies.get(FORM_COOKIE, "")
        self._token = given if 0 < len(given) <= _LONGEST_TOKEN else None
        self.is_new = False

    @property
    def token(self) -> str:
        if self._token is None:
            self._token = secrets.token_urlsafe(32)
            self.is_new = True
        return self._token


def address_of(request: Request) -> str:
    """The path as it was asked for, what is escaped in it still so."""
    raw: bytes | None = request.scope.get("raw_path")
    return raw.decode("ascii", "replace") if raw is not None else quote(request.scope["path"])


def here(request: Request) -> str:
    """The address of the page with its parameters, to come back to."""
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{address_of(request)}?{query}" if query else address_of(request)
