"""What pages bring along: style, script, and the libraries with their licences. Kept in memory, named by content."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.http.errors import existing, shown

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}
_FOR_EVER = "public, max-age=31536000, immutable"


class _File(Struct, frozen=True, kw_only=True):
    content: bytes
    media_type: str
    digest: str


class Files:
    """The files of `static/`, read once."""

    def __init__(self) -> None:
        self._files: Mapping[str, _File] = {
            entry.name: _File(
                content=(content := entry.read_bytes()),
                media_type=media_type,
                digest=hashlib.blake2b(content, digest_size=8).hexdigest(),
            )
            for entry in (files("deploydb.query") / "static").iterdir()
            for ending, media_type in _TYPES.items()
            if entry.name.endswith(ending)
        }

    def address(self, name: str) -> str:
        """Where browsers get a file. It changes with the content, so that they may keep it for ever."""
        return f"/static/{name}?{self._files[name].digest}"

    def route(self) -> Route:
        return Route("/static/{name}", self._send, methods=["GET"])

    async def _send(self, request: Request) -> Response:
        name = request.path_params["name"]
        file = existing(self._files.get(name), f"file {shown(name)}")
        kept = _FOR_EVER if request.scope["query_string"] == file.digest.encode() else "no-cache"
        return Response(file.content, media_type=file.media_type, headers={"Cache-Control": kept})
