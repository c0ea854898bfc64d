"""`/calendar.ics`, `/environments/{environment}.ics`: holds and windows as iCalendar (RFC 5545), to subscribe to."""

import asyncio
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.query.origin import origin_of
from deploydb.query.pages.filters import segment
from deploydb.query.request_context import RequestContext
from deploydb.query.response_cache import Sources, names_tag
from deploydb.query.upcoming import Upcoming, upcoming
from deploydb.store.environment_names import names_of

if TYPE_CHECKING:
    from icalendar import Event

DAYS = 60
"""How far ahead the calendar goes."""
_SECONDS = 900
_PRODUCT = "-//DeployDB//Holds and windows//EN"


class Calendars:
    """The routes of the calendars."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def routes(self) -> list[Route]:
        """They come before the pages of environments, so that `prod.ics` is not taken for a name."""
        paths = ("/calendar.ics", "/environments/{environment}.ics")
        return [Route(path, self._send, methods=["GET"]) for path in paths]

    async def _send(self, request: Request) -> Response:
        asked = self._sources.asked(request, ())
        body = await asyncio.get_running_loop().run_in_executor(self._sources.threads, calendar, asked)
        tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"Cache-Control": f"private, max-age={_SECONDS}", "ETag": tag}
        if names_tag(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


def calendar(asked: RequestContext) -> bytes:
    """The calendar of the environment in the path, else of all. Raises: HTTPException 404."""
    from icalendar import Calendar  # noqa: PLC0415  # 50 ms, for one page

    name = None
    if "environment" in asked.request.path_params:
        name = names_of(asked.engine).now(asked.name("environment"))
    made = Calendar()
    made.add("PRODID", _PRODUCT)
    made.add("VERSION", "2.0")
    made.add("X-WR-CALNAME", f"Deployments to {name}" if name is not None else "Deployments")
    made.add("REFRESH-INTERVAL", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    origin = origin_of(asked.request)
    for one in upcoming(asked, name, asked.now + timedelta(days=DAYS)):
        made.add_component(_event(asked, one, origin))
    written: bytes = made.to_ical()
    return written


def _event(asked: RequestContext, one: Upcoming, origin: str) -> "Event":
    from icalendar import Event  # noqa: PLC0415

    today = asked.now.replace(hour=0, minute=0, second=0, microsecond=0)
    event = Event()
    event.add("UID", f"{one.id}@deploydb")
    event.add("DTSTAMP", today)
    event.add("DTSTART", one.begins)
    event.add("DTEND", one.until or max(today, one.begins) + timedelta(days=1))
    is_open_ended = one.until is None and one.kind != "window"
    event.add("SUMMARY", f"{one.title} (until it is lifted)" if is_open_ended else one.title)
    event.add("CATEGORIES", [one.kind])
    event.add("TRANSP", "TRANSPARENT")
    if one.about:
        event.add("DESCRIPTION", one.about)
    if one.environment is not None:
        event.add("URL", f"{origin}/environments/{segment(one.environment)}")
    return event
