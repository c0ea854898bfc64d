"""GitHub's statuses of commits and deployments, as its REST API documents them."""

import json
import re
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

TOKEN = "ghp_token"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
_MOST_STATUSES = 1000
"""Of a context of a commit."""
_LONGEST = 140


class GitHub(ToolServer):
    """Repositories with one commit. `statuses`: of the commit; `deployments` by id, with their `statuses`."""

    def __init__(self, *repositories: str, commit: str = COMMIT) -> None:
        super().__init__()
        self.repositories = repositories or ("acme/foo",)
        self.commit = commit
        self.statuses: list[dict[str, Any]] = []
        self.deployments: dict[int, dict[str, Any]] = {}

    def states(self, context: str) -> list[str]:
        """The states of a context, oldest first."""
        return [one["state"] for one in list(self.statuses) if one["context"] == context]

    def deployment_states(self, ident: int) -> list[str]:
        return [one["state"] for one in list(self.deployments[ident]["statuses"])]

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(status=401, document={"message": "Bad credentials"})
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(/.*)", asked.path)
        if found is None or found[1] not in self.repositories:
            return Reply(status=404, document={"message": "Not Found"})
        given = json.loads(asked.body) if asked.body else {}
        match asked.method, found[2].strip("/").split("/"):
            case "POST", ["statuses", sha]:
                return self._status(sha, given)
            case "GET", ["deployments"]:
                return Reply(document=self._listed(asked.query))
            case "POST", ["deployments"]:
                return self._create(given)
            case "POST", ["deployments", ident, "statuses"] if int(ident) in self.deployments:
                return self._deployment_status(self.deployments[int(ident)], given)
        return Reply(status=404, document={"message": "Not Found"})

    def _status(self, sha: str, given: dict[str, Any]) -> Reply:
        if sha != self.commit:
            return Reply(status=422, document={"message": f"No commit found for SHA: {sha}"})
        if len(given["description"]) > _LONGEST or len(self.states(given["context"])) >= _MOST_STATUSES:
            return Reply(status=422, document={"message": "Validation Failed"})
        self.statuses.append(given)
        return Reply(status=201, document={"id": len(self.statuses), **given})

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        return [
            one
            for one in reversed(self.deployments.values())
            if all(one[name] == query[name] for name in ("sha", "environment") if name in query)
        ]

    def _create(self, given: dict[str, Any]) -> Reply:
        if given["ref"] != self.commit:
            return Reply(status=422, document={"message": f"No ref found for: {given['ref']}"})
        if given.get("required_contexts") != [] and any(one["state"] != "success" for one in self.statuses):
            return Reply(status=409, document={"message": "Conflict: Commit status checks failed"})
        if given.get("auto_merge", True):
            return Reply(status=202, document={"message": "Auto-merged main into topic-branch on deployment."})
        ident = 100 + len(self.deployments)
        self.deployments[ident] = {"id": ident, "sha": given["ref"], "task": "deploy", "statuses": [], **given}
        return Reply(status=201, document=self.deployments[ident])

    def _deployment_status(self, deployment: dict[str, Any], given: dict[str, Any]) -> Reply:
        if len(given["description"]) > _LONGEST:
            return Reply(status=422, document={"message": "Validation Failed"})
        deployment["statuses"].append(given)
        return Reply(status=201, document={"id": len(deployment["statuses"]), **given})
