"""Pages as routes: read in a thread, rendered as HTML, errors too."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploydb.domain.code_links import commit_url_of
from deploydb.http.authentication import is_for_people
from deploydb.http.errors import failed
from deploydb.http.redirects import onward
from deploydb.query.pages import PAGES
from deploydb.query.pages.badge import Badges
from deploydb.query.pages.calendar import Calendars
from deploydb.query.pages.files import Files
from deploydb.query.pages.filters import command_line, why_address
from deploydb.query.pages.home import home
from deploydb.query.pages.page import Page
from deploydb.query.pages.rendering import Rendering, address_of, here
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.deployments import asked_deployment
from deploydb.query.response_cache import Answers, Sources

_HEADLINES = {400: "That cannot be understood", 404: "Not found", 503: "Not at the moment"}
_FIRST = ("/inbox", "/status")
"""The pages that every page leads to first."""
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?")
"""What a browser's field for times sends: it knows no offset. Pages say that they mean UTC."""


class Serving:
    """The routes of pages, and of what they bring along."""

    def __init__(self, sources: Sources, answers: Answers) -> None:
        self._sources = sources
        self._answers = answers
        self._files = Files()
        self._badges = Badges(sources)
        self._calendars = Calendars(sources)
        named = [(page.path, page.title) for page in PAGES if page.title is not None]
        named.sort(key=lambda one: (_FIRST.index(one[0]) if one[0] in _FIRST else len(_FIRST), one[0]))
        self._rendering = Rendering(self._files, named)

    def routes(self) -> list[Route]:
        """The JSON of a page comes before it, so that `foo.json` is not taken for a name."""
        return [
            Route("/", home, methods=["GET"]),
            self._files.route(),
            Route("/sign-in", self._sign_in, methods=["GET"]),
            self._badges.route(),
            *self._calendars.routes(),
            Route("/deployments/{id}", self._deployment, methods=["GET"]),
            *(self._answers.route(replace(page.json or page, path=f"{page.path}.json")) for page in PAGES),
            *(self._route(page) for page in PAGES),
        ]

    def refusal(
        self, request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        """An error as who asks can read it: a page for people, JSON for programs. Same code, same words."""
        if not is_for_people(request):
            return failed(status, message, headers)
        context = {"status": status, "message": message, "headline": _HEADLINES.get(status, "That did not work")}
        response = self._rendering.html("error.html", request, self._sources.clock(), context, status)
        response.headers.update(headers or {})
        return response

    def _route(self, page: Page) -> Route:
        in_json = self._answers.route(page).endpoint

        async def endpoint(request: Request) -> Response:
            if page.is_negotiated and not is_for_people(request):
                answer: Response = await in_json(request)
                return answer
            tidied = _tidied(request, page)
            if tidied is not None:
                return RedirectResponse(tidied, 303)
            return await asyncio.get_running_loop().run_in_executor(self._sources.threads, self._render, page, request)

        return Route(page.path, endpoint, methods=["GET"])

    def _render(self, page: Page, request: Request) -> Response:
        asked = self._sources.asked(request, page.parameters)
        answer = msgspec.json.decode(msgspec.json.encode(page.read(asked)))
        context: dict[str, Any] = {
            "answer": answer,
            "command": command_line(page.command(asked, answer)),
            "json": _json_of(request),
            "parameters": page.parameters,
            "stream": None,
            "commit_url": partial(commit_url_of, asked.catalog),
            **page.drawn(asked, answer),
        }
        return self._rendering.html(page.template, request, asked.now, context)

    async def _deployment(self, request: Request) -> Response:
        """A deployment has its place on another page."""
        asked = self._sources.asked(request, ())
        address = await asyncio.get_running_loop().run_in_executor(self._sources.threads, _place_of, asked)
        return RedirectResponse(address, 303)

    async def _sign_in(self, request: Request) -> Response:
        context = {
            "onward": onward(request.query_params.get("next")),
            "wrong": request.query_params.get("wrong") == "1",
        }
        return self._rendering.html("sign-in.html", request, self._sources.clock(), context)


def _place_of(asked: RequestContext) -> str:
    """The address of the page of a deployment: of its flow, or of its lane where it has no flow."""
    view = asked_deployment(asked)
    if view.flow is None:
        return why_address(view.service, view.environment, view.artifact.version)
    return f"/flows/{view.flow}#deployment-{view.id}"


def _json_of(request: Request) -> str:
    path, mark, query = here(request).partition("?")
    return f"{path}.json{mark}{query}"


def _tidied(request: Request, page: Page) -> str | None:
    """The same address without empty parameters and with UTC explicit; None where it is unchanged."""
    moments = {parameter.name for parameter in page.parameters if parameter.kind == "moment"}
    given = request.query_params.multi_items()
    kept = [
        (name, f"{value}Z" if name in moments and _LOCAL.fullmatch(value) else value) for name, value in given if value
    ]
    if kept == given:
        return None
    return f"{address_of(request)}?{urlencode(kept)}" if kept else address_of(request)
