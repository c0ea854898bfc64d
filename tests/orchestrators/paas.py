"""A platform with an interface of its own: deployments that are created, run, and end."""

import json
import re
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

TOKEN = "paas-token"


class Paas(ToolServer):
    """Deployments by number. It heeds Idempotency-Key where a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.deployments: dict[str, dict[str, Any]] = {}
        self.heeds = True
        self.page = "https://paas.test/"
        self.says: str | None = None
        """The text of each answer, in the place of its document."""

    def end(self, ident: str, state: str, message: str = "") -> None:
        self.deployments[ident] |= {"status": state, "message": message}

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(status=403, document={"message": "no such token"})
        if asked.method == "POST" and asked.path == "/deployments":
            return self._create(json.loads(asked.body), asked.headers["idempotency-key"])
        if found := re.fullmatch(r"/(deployments|commands)/([^/]+)", asked.path):
            return self._show(found[1], found[2], asked)
        return Reply(status=404)

    def _create(self, given: dict[str, Any], key: str) -> Reply:
        for known in self.deployments.values():
            if self.heeds and known["key"] == key:
                return Reply(status=201, document=known)
        ident = str(len(self.deployments) + 1)
        made = {"id": int(ident), "key": key, "given": given, "status": "running", "page": f"{self.page}{ident}"}
        self.deployments[ident] = made
        return Reply(status=201, document=made, text=self.says)

    def _show(self, kind: str, ident: str, asked: Asked) -> Reply:
        known = self.deployments.get(ident) if kind == "deployments" else None
        if kind == "commands":
            known = next((one for one in self.deployments.values() if one["key"] == ident), None)
        if known is None:
            return Reply(status=404)
        etag = f'"{known["status"]}"'
        if asked.headers.get("if-none-match") == etag:
            return Reply(status=304, headers={"ETag": etag})
        return Reply(document=known, text=self.says, headers={"ETag": etag})
