"""Rundeck as its API documents it: runs of one job, which are executions with a status."""

import json
import re
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

TOKEN = "rd-token"
JOB = "8f5c1a2e-0000-4000-8000-000000000001"


class Rundeck(ToolServer):
    """One job. A test moves its executions on."""

    def __init__(self) -> None:
        super().__init__()
        self.executions: dict[int, dict[str, Any]] = {}
        self.logs: dict[int, list[str]] = {}

    def end(self, ident: int, status: str, *log: str) -> None:
        self.executions[ident]["status"] = status
        self.logs[ident] = list(log)

    def add(self, options: dict[str, str]) -> dict[str, Any]:
        ident = len(self.executions) + 1
        page = f"https://rundeck.test/project/acme/execution/show/{ident}"
        job = {"id": JOB, "options": options}
        self.executions[ident] = {"id": ident, "permalink": page, "status": "running", "job": job}
        return self.executions[ident]

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("x-rundeck-auth-token") != TOKEN:
            return Reply(status=403, document={"error": True, "message": "(unauthenticated) is not authorized"})
        if asked.path == f"/api/40/job/{JOB}/run" and asked.method == "POST":
            return Reply(document=self.add(json.loads(asked.body)["options"]))
        if asked.path == f"/api/40/job/{JOB}/executions":
            return Reply(document={"paging": {}, "executions": list(self.executions.values())})
        if found := re.fullmatch(r"/api/40/execution/(\d+)", asked.path):
            return Reply(document=self.executions[int(found[1])])
        if found := re.fullmatch(r"/api/40/execution/(\d+)/output", asked.path):
            lines = self.logs[int(found[1])][-int(asked.query["lastlines"]) :]
            return Reply(document={"completed": True, "entries": [{"log": line, "level": "NORMAL"} for line in lines]})
        return Reply(status=404, document={"error": True, "message": "no such job"})
