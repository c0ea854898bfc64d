"""GitLab as its REST API documents it: pipelines of one project, with variables and jobs."""

import json
import re
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

TOKEN = "glpat-token"
PROJECT = "/api/v4/projects/acme%2Ffoo"


class GitLab(ToolServer):
    """One project, acme/foo. A test moves its pipelines on."""

    def __init__(self) -> None:
        super().__init__()
        self.pipelines: dict[int, dict[str, Any]] = {}
        self.variables: dict[int, list[dict[str, str]]] = {}
        self.jobs: list[dict[str, Any]] = []
        self.trace = ""

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("private-token") != TOKEN:
            return Reply(status=401, document={"message": "401 Unauthorized"})
        if asked.path == f"{PROJECT}/pipeline" and asked.method == "POST":
            return self._create(json.loads(asked.body))
        if asked.path == f"{PROJECT}/pipelines":
            return Reply(document=sorted(self.pipelines.values(), key=lambda one: -one["id"]))
        if found := re.fullmatch(rf"{PROJECT}/pipelines/(\d+)(/variables|/jobs)?", asked.path):
            ident = int(found[1])
            answers = {None: self.pipelines[ident], "/variables": self.variables[ident], "/jobs": self.jobs}
            return Reply(document=answers[found[2]])
        if re.fullmatch(rf"{PROJECT}/jobs/\d+/trace", asked.path):
            return Reply(text=self.trace)
        return Reply(status=404, document={"message": "404 Project Not Found"})

    def _create(self, given: dict[str, Any]) -> Reply:
        ident = 70 + len(self.pipelines)
        page = f"https://gitlab.test/acme/foo/-/pipelines/{ident}"
        self.variables[ident] = given["variables"]
        self.pipelines[ident] = {"id": ident, "ref": given["ref"], "status": "created", "web_url": page}
        return Reply(status=201, document=self.pipelines[ident])
