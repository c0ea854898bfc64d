"""Heroku as its Platform API documents it: builds of one app, and the releases that they lead to."""

import json
import re
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

TOKEN = "heroku-token"
APP = "/apps/foo-dev"


class Heroku(ToolServer):
    """One app, foo-dev. A test moves its builds and releases on."""

    def __init__(self) -> None:
        super().__init__()
        self.builds: dict[str, dict[str, Any]] = {}
        self.releases: dict[str, dict[str, Any]] = {}
        self.output = ""

    def release(self, build: str) -> str:
        """The build has succeeded, and its release runs its phase."""
        ident = f"release-{len(self.releases) + 1}"
        self.releases[ident] = {"id": ident, "status": "pending", "output_stream_url": f"{self.url}/output"}
        self.builds[build] |= {"status": "succeeded", "release": {"id": ident}}
        return ident

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/output":
            return Reply(text=self.output)
        if "version=3" not in asked.headers["accept"]:
            return Reply(status=406)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(status=401, document={"id": "unauthorized", "message": "Invalid credentials provided."})
        if asked.path == f"{APP}/builds" and asked.method == "POST":
            return self._build(json.loads(asked.body)["source_blob"])
        if asked.path == f"{APP}/builds":
            return Reply(status=206, document=list(reversed(self.builds.values())))
        if found := re.fullmatch(rf"{APP}/(builds|releases)/([^/]+)", asked.path):
            known = (self.builds if found[1] == "builds" else self.releases).get(found[2])
            return Reply(document=known) if known else Reply(status=404)
        return Reply(status=404, document={"id": "not_found", "message": "Couldn't find that app."})

    def _build(self, source: dict[str, str]) -> Reply:
        ident = f"build-{len(self.builds) + 1}"
        self.builds[ident] = {
            "id": ident,
            "status": "pending",
            "output_stream_url": f"{self.url}/output",
            "release": None,
            "source_blob": source,
        }
        return Reply(status=201, document=self.builds[ident])
