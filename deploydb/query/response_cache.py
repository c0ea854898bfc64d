"""How a resource is answered: in which media type, from memory where nothing has changed, or not at all (304).

What follows from the state alone is kept until the state's revision changes; the revision is read for every request.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from cachetools import LRUCache
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb import __version__
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.domain.templates import Template
from deploydb.domain.unsafe_characters import encoded_visibly
from deploydb.http.negotiation import media_type
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Parameter, Resource
from deploydb.query.revisions import Revision, Revisions

KEPT_BYTES = 64 * 1024 * 1024
"""Of answers that are kept, together."""
_BUILD = zlib.crc32(__version__.encode())
_HEADERS = {"Cache-Control": "private, no-cache"}
"""Kept by the client, and validated each time."""


class Sources(Struct, frozen=True, kw_only=True, eq=False):
    """Where answers come from. `catalog` gives the one in use, `problems` what is wrong with the files; `threads` are
    where resources run."""

    engine: sa.Engine
    catalog: Callable[[], Catalog]
    threads: Executor
    clock: Callable[[], datetime]
    problems: Callable[[], Sequence[object]] = tuple
    trace_link: Template | None = None

    def asked(
        self, request: Request, parameters: Sequence[Parameter], catalog: Catalog | None = None
    ) -> RequestContext:
        """A request for what declares these parameters, at this moment."""
        return RequestContext(
            request=request,
            catalog=catalog or self.catalog(),
            now=self.clock(),
            engine=self.engine,
            parameters={parameter.name: parameter for parameter in parameters},
            problems=tuple(str(problem) for problem in self.problems()),
            trace_link=self.trace_link,
        )


class _Kept(Struct, frozen=True, eq=False):
    tag: str
    catalog: Catalog
    body: bytes


class Answers:
    """Answers of one service."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.revisions = Revisions(sources.engine, sources.clock)
        self._kept: LRUCache[str, _Kept] = LRUCache(KEPT_BYTES, getsizeof=lambda kept: len(kept.body))
        self._under_way: dict[tuple[str, str, int], asyncio.Task[bytes]] = {}

    def route(self, resource: Resource) -> Route:
        """The resource's path, which can only be read."""

        async def endpoint(request: Request) -> Response:
            asked_for = media_type(request.headers.getlist("accept"))
            revision = None if resource.momentary else await self._revision()
            catalog = self._sources.catalog()  # by the names of that revision
            if revision is None:
                body = await self._read(resource, request, catalog)
                tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            else:
                # not request.url: that is made from the Host header, and a path may have a question mark, too
                target = f"{quote(request.scope['path'])}?{request.scope['query_string'].decode('latin-1')}"
                tag = _tag(target, catalog, revision, resource.period(self._sources.clock()))
                if names_tag(request, tag):
                    return Response(status_code=304, headers={**_HEADERS, "ETag": tag})
                body = await self._kept_or_read(resource, request, catalog, target, tag)
            headers = {**_HEADERS, "ETag": tag}
            if names_tag(request, tag):
                return Response(status_code=304, headers=headers)
            return Response(body, media_type=asked_for, headers=headers)

        return Route(resource.path, endpoint, methods=["GET"])

    async def _revision(self) -> Revision | None:
        """None where the database is away: what is configured is answered all the same."""
        try:
            return await self.revisions.current()
        except (Transient, Misconfigured):
            return None

    async def _kept_or_read(
        self, resource: Resource, request: Request, catalog: Catalog, target: str, tag: str
    ) -> bytes:
        kept = self._kept.get(target)
        if kept is not None and kept.tag == tag and kept.catalog is catalog:
            return kept.body
        key = (target, tag, id(catalog))
        reading = self._under_way.get(key)
        if reading is None:  # requests for the same at one time share one reading
            reading = self._under_way[key] = asyncio.create_task(self._read(resource, request, catalog))
            reading.add_done_callback(lambda _: self._under_way.pop(key, None))
        body = await asyncio.shield(reading)
        if len(body) <= KEPT_BYTES:
            self._kept[target] = _Kept(tag, catalog, body)
        return body

    async def _read(self, resource: Resource, request: Request, catalog: Catalog) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(
            self._sources.threads, self._answer, resource, request, catalog
        )

    def _answer(self, resource: Resource, request: Request, catalog: Catalog) -> bytes:
        asked = self._sources.asked(request, resource.parameters, catalog)
        return encoded_visibly(msgspec.json.encode(resource.read(asked)))


def _tag(target: str, catalog: Catalog, revision: Revision, period: int) -> str:
    """Weak: the same answer may have either of two media types."""
    number, turned = revision
    return f'W/"{number:x}-{turned:x}-{period:x}-{catalog.digest[:12]}-{zlib.crc32(target.encode(), _BUILD):x}"'


def names_tag(request: Request, tag: str) -> bool:
    """Whether the client has this answer (RFC 9110 §13.1.2)."""
    given = request.headers.get("if-none-match")
    return given is not None and tag in (each.strip() for each in given.split(","))
