"""GitLab's statuses of commits and deployments, as its REST API documents them, with their state machines."""

import json
import re
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer
from tests.reports.github import COMMIT

TOKEN = "glpat-token"
PROJECT = "/api/v4/projects/acme%2Ffoo"
_EVENTS = {"pending": "enqueue", "running": "run", "success": "success", "failed": "drop"}
_REFUSED = {"pending": ("pending", "running"), "running": ("running",)}
"""By the wanted state, the states of an open status that it cannot follow."""


class GitLab(ToolServer):
    """One project with one commit. `statuses`: of each name the states, an ended one is followed by a new one."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: dict[str, list[str]] = {}
        self.given: list[dict[str, Any]] = []
        self.deployments: dict[int, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("private-token") != TOKEN:
            return Reply(status=401, document={"message": "401 Unauthorized"})
        given = json.loads(asked.body) if asked.body else {}
        if asked.method == "POST" and asked.path == f"{PROJECT}/statuses/{COMMIT}":
            return self._status(given)
        if asked.path.startswith(f"{PROJECT}/statuses/"):
            return Reply(status=404, document={"message": "404 Commit Not Found"})
        if asked.path == f"{PROJECT}/deployments" and asked.method == "GET":
            found = [
                one for one in self.deployments.values() if one["environment"]["name"] == asked.query["environment"]
            ]
            return Reply(document=sorted(found, key=lambda one: one["id"], reverse=asked.query["sort"] == "desc"))
        if asked.path == f"{PROJECT}/deployments" and asked.method == "POST":
            return self._create(given)
        if asked.method == "PUT" and (found_one := re.fullmatch(rf"{PROJECT}/deployments/(\d+)", asked.path)):
            return self._update(self.deployments[int(found_one[1])], given["status"])
        return Reply(status=404, document={"message": "404 Project Not Found"})

    def _status(self, given: dict[str, Any]) -> Reply:
        states, wanted = self.statuses.setdefault(given["name"], []), given["state"]
        if states and states[-1] in _REFUSED.get(wanted, ()):
            refused = f"Cannot transition status via :{_EVENTS[wanted]} from :{states[-1]}"
            event = f'(Reason(s): Status cannot transition via "{_EVENTS[wanted]}")'
            return Reply(status=400, document={"message": f"{refused} {event}"})
        states.append(wanted)
        self.given.append(given)
        return Reply(status=201, document={"id": len(self.given), "status": wanted, "name": given["name"]})

    def _create(self, given: dict[str, Any]) -> Reply:
        if given["status"] not in ("running", "success", "failed", "canceled"):
            return Reply(status=400, document={"error": "status does not have a valid value"})
        if COMMIT not in (given["sha"], given["ref"]):
            return Reply(status=400, document={"message": {"ref": ["The branch or tag does not exist"]}})
        return Reply(status=201, document=self.add(given["environment"], given["status"], ref=given["ref"]))

    def add(self, environment: str, status: str, **more: Any) -> dict[str, Any]:
        """A deployment of the commit, unless `sha` is another one."""
        ident = 100 + len(self.deployments)
        new = {"id": ident, "iid": ident, "sha": COMMIT, "environment": {"name": environment}, "status": status}
        self.deployments[ident] = {**new, "deployable": None, **more}
        return self.deployments[ident]

    def _update(self, deployment: dict[str, Any], status: str) -> Reply:
        if deployment["deployable"] is not None:
            refused = "Deployments created using GitLab CI can not be updated using the API"
            return Reply(status=403, document={"message": f"403 Forbidden - {refused}"})
        if status == deployment["status"] or (status == "running" and deployment["status"] != "created"):
            return Reply(status=400, document={"message": {"status": ["cannot transition"]}})
        deployment["status"] = status
        return Reply(document=deployment)
