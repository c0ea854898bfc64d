"""`/badge/{service}/{environment}.svg`: what an environment runs of a service, as an image for other pages."""

import asyncio
import hashlib
import re
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from rich.cells import cell_len
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.unsafe_characters import in_one_line
from deploydb.query.existence import require_lane
from deploydb.query.lane_state import worst_status
from deploydb.query.pages.filters import segment, state
from deploydb.query.request_context import RequestContext
from deploydb.query.response_cache import Sources, names_tag
from deploydb.query.text_width import cut_in_middle
from deploydb.store.environment_names import names_of
from deploydb.store.queries.lanes import RunningView, running_in

PATH = "/badge/{service}/{environment}.svg"
_SECONDS = 60
_LONGEST = 28
"""Cells of a part; what is longer is cut in the middle."""
_WIDTH = 6.7
"""Pixels of a cell of the typeface."""
_COLOURS = {"good": "#14693f", "busy": "#1a56b0", "bad": "#a61b12", "wait": "#7a4d00", "off": "#535e70"}
"""Of each tone, as on the pages in light: white text on it has a contrast of 5 to 1 or more."""
_SPECIAL = re.compile(r"([\\\[\]<>&`*_])")


class Badge(Struct, frozen=True, kw_only=True):
    """Two words beside each other, the second one on a colour; `title`: both for who does not see them."""

    label: str
    value: str
    title: str
    tone: str


class Badges:
    """The route of badges."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        environment = Environment(
            loader=PackageLoader("deploydb.query"), autoescape=True, undefined=StrictUndefined, auto_reload=False
        )
        self._template = environment.get_template("badge.svg")

    def route(self) -> Route:
        return Route(PATH, self._send, methods=["GET"])

    async def _send(self, request: Request) -> Response:
        asked = self._sources.asked(request, ())
        badge, status = await asyncio.get_running_loop().run_in_executor(self._sources.threads, badge_of, asked)
        body = self._drawn(badge).encode()
        tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        audience = "private" if hasattr(request.state, "may_read") else "public"  # a shared cache knows no person
        headers = {"Cache-Control": f"{audience}, max-age={_SECONDS}", "ETag": tag}
        if status == 200 and names_tag(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(body, status_code=status, media_type="image/svg+xml", headers=headers)

    def _drawn(self, badge: Badge) -> str:
        left, right = (round(cell_len(text) * _WIDTH) + 12 for text in (badge.label, badge.value))
        return self._template.render(badge=badge, colour=_COLOURS[badge.tone], left=left, right=right)


def badge_of(asked: RequestContext) -> tuple[Badge, int]:
    """The badge of a lane, and the status of the answer: 404 with a grey one for a service or a stage that is none."""
    service = asked.request.path_params["service"]
    environment = names_of(asked.engine).now(asked.request.path_params["environment"])
    try:
        for part in ("service", "environment"):
            asked.name(part)
        with asked.store() as connection:
            require_lane(connection, asked.catalog, service, environment)
            running = running_in(connection, service, environment)
    except HTTPException as error:
        if error.status_code != 404:
            raise
        return Badge(
            label=cut_in_middle(in_one_line(environment), _LONGEST),
            value="unknown",
            title=in_one_line(error.detail),
            tone="off",
        ), 404
    return _of_running(in_one_line(service), in_one_line(environment), running), 200


def _of_running(service: str, environment: str, running: Sequence[RunningView]) -> Badge:
    if not running:
        title = f"{service} in {environment}: nothing runs"
        return Badge(label=cut_in_middle(environment, _LONGEST), value="nothing", title=title, tone="off")
    latest = max(running, key=lambda one: (one.since, one.module))
    others = len({one.version for one in running}) - 1
    status = worst_status(one.status for one in running)
    known, version = state(status), in_one_line(latest.version)
    more = f" +{others}" if others else ""
    word = "" if status == "SUCCESS" else f" {known.word}"
    return Badge(
        label=cut_in_middle(environment, _LONGEST),
        value=f"{cut_in_middle(version, _LONGEST)}{more}{word}",
        title=f"{service} in {environment}: {version}{more}, {known.word}",
        tone=known.tone,
    )


def markdown(origin: str, service: str, environment: str) -> str:
    """The line of Markdown that shows a badge and leads to the service's page. `origin`: of this service."""
    lane = f"{segment(service)}/{segment(environment)}"
    alt = _SPECIAL.sub(r"\\\1", in_one_line(f"{service} in {environment}"))
    return f"[![{alt}]({origin}/badge/{lane}.svg)]({origin}/services/{segment(service)})"
