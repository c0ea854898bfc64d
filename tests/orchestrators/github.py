"""GitHub as its REST API documents it: dispatches of one workflow, and the runs that they lead to."""

import json
import re
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

TOKEN = "ghp_token"
REPOSITORY = "/repos/acme/foo"
DISPATCHES = f"{REPOSITORY}/actions/workflows/deploy.yml/dispatches"


class GitHub(ToolServer):
    """One repository, acme/foo. A test moves its runs on; `details`: it knows return_run_details."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[int, dict[str, Any]] = {}
        self.given: dict[int, dict[str, str]] = {}
        self.jobs: list[dict[str, Any]] = []
        self.title = "Deploy {DEPLOYDB_COMMAND}"
        self.details = True

    def end(self, ident: int, conclusion: str) -> None:
        self.runs[ident] |= {"status": "completed", "conclusion": conclusion}

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(status=401, document={"message": "Bad credentials"})
        if asked.method == "POST" and asked.path == DISPATCHES:
            return self._dispatched(json.loads(asked.body)["inputs"], "workflow_dispatch")
        if asked.method == "POST" and asked.path == f"{REPOSITORY}/dispatches":
            self._dispatched(json.loads(asked.body)["client_payload"], "repository_dispatch")
            return Reply(status=204)
        if re.fullmatch(rf"{REPOSITORY}/actions/(workflows/deploy.yml/)?runs", asked.path):
            found = [run for run in self.runs.values() if run["event"] == asked.query["event"]]
            return Reply(document={"total_count": len(found), "workflow_runs": found})
        if found_jobs := re.fullmatch(rf"{REPOSITORY}/actions/runs/(\d+)/jobs", asked.path):
            return Reply(document={"total_count": len(found_jobs[1]), "jobs": self.jobs})
        if found_run := re.fullmatch(rf"{REPOSITORY}/actions/runs/(\d+)", asked.path):
            run = self.runs[int(found_run[1])]
            etag = f'W/"{run["status"]}"'
            if asked.headers.get("if-none-match") == etag:
                return Reply(status=304, headers={"ETag": etag})
            return Reply(document=run, headers={"ETag": etag})
        return Reply(status=404, document={"message": "Not Found"})

    def _dispatched(self, given: dict[str, str], event: str) -> Reply:
        ident = 4000 + len(self.runs)
        self.given[ident] = given
        page = f"https://github.test/acme/foo/actions/runs/{ident}"
        self.runs[ident] = {
            "id": ident,
            "event": event,
            "display_title": self.title.format(**given),
            "name": "Deploy",
            "html_url": page,
            "status": "queued",
            "conclusion": None,
        }
        if not self.details:
            return Reply(status=204)
        return Reply(document={"workflow_run_id": ident, "run_url": f"{self.url}/runs/{ident}", "html_url": page})
