"""Argo CD as its API documents it: one application, whose operation is followed by its health."""

import json
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

TOKEN = "argocd-token"
APPLICATION = "/api/v1/applications/foo-dev"


class ArgoCD(ToolServer):
    """One application, foo-dev. A test moves its operation on."""

    def __init__(self) -> None:
        super().__init__()
        self.source: dict[str, Any] = {"targetRevision": "v0.9"}
        self.operation: dict[str, Any] | None = None
        self.state: dict[str, Any] = {"phase": "Succeeded", "operation": {"sync": {}}}
        self.health: dict[str, str] = {"status": "Healthy"}

    def end(self, phase: str, message: str = "", *, health: str = "Progressing", why: str = "") -> None:
        """The operation has ended, and the application has this health."""
        self.state = {"phase": phase, "message": message, "operation": self.operation or self.state["operation"]}
        self.operation, self.health = None, {"status": health, "message": why}

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(status=401, document={"error": "no session information", "code": 16})
        if asked.path == APPLICATION and asked.method == "PATCH":
            body = json.loads(asked.body)
            assert body["patchType"] == "merge"
            self.source |= json.loads(body["patch"])["spec"]["source"]
            return Reply(document=self._application())
        if asked.path == f"{APPLICATION}/sync":
            if self.operation is not None:
                message = "another operation is already in progress"
                return Reply(status=400, document={"error": message, "message": message, "code": 9})
            self.operation = {"sync": {}, "info": json.loads(asked.body)["infos"]}
            return Reply(document=self._application())
        if asked.path == APPLICATION:
            return Reply(document=self._application())
        return Reply(status=403, document={"error": "permission denied", "message": "permission denied", "code": 7})

    def _application(self) -> dict[str, Any]:
        status = {"operationState": self.state, "health": self.health, "sync": {"status": "Synced"}}
        running = {} if self.operation is None else {"operation": self.operation}
        return {"metadata": {"name": "foo-dev"}, "spec": {"source": self.source}, "status": status, **running}
