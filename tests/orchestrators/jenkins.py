"""Jenkins as its remote API documents it: a queue whose items become builds, which end with a result.

It names itself by a root URL of its own, drops parameters that the job does not declare, and forgets an item by and by.
"""

import base64
import re
import time
from typing import Any

from tests.orchestrators.server import Asked, Reply, ToolServer

USER, TOKEN = "deploydb", "11aa22bb"
ROOT = "https://jenkins.example.com/ci"
JOB = "/job/acme/job/deploy"


class Jenkins(ToolServer):
    """One job, acme/deploy. A test moves its items and builds on."""

    def __init__(self, *declared: str) -> None:
        super().__init__()
        self.declared = declared or ("DEPLOYDB_COMMAND", "VERSION", "STAGE")
        self.items: dict[int, dict[str, Any]] = {}
        self.builds: dict[int, dict[str, Any]] = {}
        self.logs: dict[int, str] = {}
        self.at_once: str | None = None
        """Each build begins at once, and ends with this result."""

    def begin(self, item: int) -> int:
        """The item leaves the queue, and is a build."""
        number = len(self.builds) + 1
        self.items[item]["executable"] = {"number": number, "url": f"{ROOT}{JOB}/{number}/"}
        self.builds[number] = {
            "number": number,
            "url": f"{ROOT}{JOB}/{number}/",
            "building": True,
            "result": None,
            "timestamp": time.time_ns() // 1_000_000,
            "actions": self.items[item]["actions"],
        }
        return number

    def end(self, number: int, result: str = "SUCCESS", log: str = "") -> None:
        self.builds[number] |= {"building": False, "result": result}
        self.logs[number] = log

    def parameters(self, item: int) -> dict[str, str]:
        return {one["name"]: one["value"] for one in self.items[item]["actions"][0]["parameters"]}

    def answer(self, asked: Asked) -> Reply:
        basic = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {basic}":
            return Reply(status=401)
        if asked.path == f"{JOB}/buildWithParameters" and asked.method == "POST":
            return self._queue(asked.form)
        if asked.path == "/queue/api/json":
            waiting = [item for item in self.items.values() if "executable" not in item and not item["cancelled"]]
            return Reply(document={"items": waiting})
        if found := re.fullmatch(r"/queue/item/(\d+)/api/json", asked.path):
            item = self.items.get(int(found[1]))
            return Reply(document=item) if item else Reply(status=404)
        if asked.path == f"{JOB}/api/json":
            definitions = [{"name": name} for name in self.declared]
            return Reply(
                document={
                    "property": [{}, {"parameterDefinitions": definitions}],
                    "allBuilds": [self.builds[number] for number in sorted(self.builds, reverse=True)],
                }
            )
        if found := re.fullmatch(rf"{JOB}/(\d+)/api/json", asked.path):
            build = self.builds.get(int(found[1]))
            return Reply(document=build) if build else Reply(status=404)
        if found := re.fullmatch(rf"{JOB}/(\d+)/logText/progressiveText", asked.path):
            log = self.logs.get(int(found[1]), "")
            start = int(asked.query["start"])
            return Reply(text=log[start:], headers={"X-Text-Size": str(len(log))})
        return Reply(status=404)

    def _queue(self, form: dict[str, str]) -> Reply:
        number = len(self.items) + 1
        kept = [{"name": name, "value": value} for name, value in form.items() if name in self.declared]
        self.items[number] = {"id": number, "cancelled": False, "actions": [{"parameters": kept}, {}]}
        if self.at_once is not None:
            self.end(self.begin(number), self.at_once)
        return Reply(status=201, headers={"Location": f"{ROOT}/queue/item/{number}/"})
