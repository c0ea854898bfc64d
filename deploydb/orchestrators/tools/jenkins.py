"""Jenkins: buildWithParameters → an item of its queue → a build → its result.

The address of an item and that of a build are ours, made of the configured one: those that Jenkins gives have the root
URL of its settings, which need not be reachable from here. Jenkins drops parameters that the job does not declare, so
the job is asked first whether it has the one by which its build is found again.

Source: https://www.jenkins.io/doc/book/using/remote-access-api/
"""

import base64
import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from msgspec import Meta
from msgspec.structs import replace

from deploydb.domain.model.requests import Request
from deploydb.orchestrators.conversation import (
    ANSWER_BYTES,
    Conversation,
    Trouble,
    ask,
    document,
    of_started,
    require_all,
    text_at,
    tolerant,
    value_at,
)
from deploydb.orchestrators.orchestrator import (
    Checks,
    check_address,
    check_text,
)
from deploydb.orchestrators.parameters import COMMAND_PARAMETER, WithParameters
from deploydb.orchestrators.run import Finished, Run, Running, last_lines
from deploydb.orchestrators.task import CONFIGURED, Task

_ITEM = re.compile(r".*/queue/item/(\d+)/?")
_BUILDS = 200
"""How many of the newest builds of a job are searched."""
_LOG_BYTES = 8192
_RESULTS = {
    "FAILURE": "the build has failed",
    "UNSTABLE": "the build is unstable",
    "ABORTED": "the build was aborted",
    "NOT_BUILT": "the build did not run",
}
_QUEUED, _BUILD = "queue", "build"


class JenkinsOrchestrator(WithParameters, frozen=True, kw_only=True):
    """A job of Jenkins. It declares the parameter DEPLOYDB_COMMAND beside its own."""

    kind: ClassVar[str] = "jenkins"

    url: Annotated[str, Meta(description="The address of Jenkins.", max_length=8192)]
    job: Annotated[
        str,
        Meta(
            description="The job, with its folders: folder/job. Places: {service}, {environment}, {type}.",
            min_length=1,
            max_length=1024,
        ),
    ]
    user: Annotated[str | None, Meta(description="The user of the API token.")] = None

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_address(checks, ("url",), self.url)
        check_text(checks, ("job",), self.job, CONFIGURED)
        if (self.user is None) is not (self.token_from is None):
            checks.problem(("user",), "user and token_from belong together: give both, or none")

    def secrets(self, token: str) -> tuple[str, ...]:
        return (*super().secrets(token), self._basic(token))

    def find(self, task: Task) -> Conversation[Run | None]:
        # the queue first: what leaves it in between is a build by then
        tree = "items[id,actions[parameters[name,value]]]"
        queued = document((yield from ask(self._get(task, f"{self._root}/queue/api/json", tree=tree))))
        for item in value_at(queued, "items") or ():
            if _is_of(item, task):
                return Run(id=f"{_QUEUED}/{text_at(item, 'id')}", begun=False)
        return (yield from self._build_of(task))

    def start(self, task: Task) -> Conversation[Run]:
        tree = "property[parameterDefinitions[name]]"
        job = document((yield from ask(self._get(task, f"{self._job(task)}/api/json", tree=tree))))
        declared = {
            text_at(each, "name")
            for group in value_at(job, "property") or ()
            for each in value_at(group, "parameterDefinitions") or ()
        }
        if COMMAND_PARAMETER not in declared:
            message = (
                f"the job {task.text(self.job)} has no parameter {COMMAND_PARAMETER}: add it as a string parameter"
            )
            raise Trouble(message, refused=True)
        request = Request(
            url=f"{self._job(task)}/buildWithParameters",
            method="POST",
            body=urlencode(self.given(task)),
            headers=(*self._headers(task), ("Content-Type", "application/x-www-form-urlencoded")),
            keep=("location",),
        )
        answer = yield from ask(request)
        item = _ITEM.fullmatch(answer.headers.get("location", ""))
        if item is None:
            raise Trouble("Jenkins has taken the build, and names no item of its queue")
        return Run(id=f"{_QUEUED}/{item[1]}", begun=False)

    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        kind, _, number = run.id.partition("/")
        if kind == _QUEUED:
            waited = yield from self._item(task, run, number)
            if isinstance(waited, Finished) or waited.run.id == run.id:
                return waited
            run, number = waited.run, waited.run.id.partition("/")[2]
        return (yield from self._look_at_build(task, run, number))

    def _item(self, task: Task, run: Run, number: str) -> Conversation[Running | Finished]:
        """The item, until it is a build. Jenkins forgets an item some minutes after that."""
        address = f"{self._root}/queue/item/{number}/api/json"
        answer = yield from ask(self._get(task, address, tree="cancelled,executable[number,url]"), 404)
        if answer.status == 404:
            found = yield from of_started(self._build_of(task))
            if found is None:
                raise Trouble(f"neither the item {number} of the queue nor a build of it is there", refused=True)
            return Running(run=found)
        item = document(answer)
        if value_at(item, "cancelled") is True:
            waited = replace(run, begun=False)
            return Finished(run=waited, outcome="failed", reason="the item was cancelled in Jenkins' queue")
        build = text_at(item, "executable", "number")
        if build is None:
            return Running(run=replace(run, begun=False))
        return Running(run=Run(id=f"{_BUILD}/{build}", url=text_at(item, "executable", "url")))

    def _look_at_build(self, task: Task, run: Run, number: str) -> Conversation[Running | Finished]:
        address = f"{self._job(task)}/{quote(number, safe='')}"
        build = document((yield from ask(self._get(task, f"{address}/api/json", tree="building,result,url"))))
        run = replace(run, url=run.url or text_at(build, "url"))
        result = text_at(build, "result")
        if value_at(build, "building") is not False or result is None:
            return Running(run=run)
        if result == "SUCCESS":
            return Finished(run=run, outcome="succeeded")
        log = yield from tolerant(self._log(task, address), ())
        return Finished(run=run, outcome="failed", reason=_RESULTS.get(result, f"the result is {result}"), log=log)

    def _log(self, task: Task, address: str) -> Conversation[tuple[str, ...]]:
        """The end of the log: its size stands in a header, whatever is read of it."""
        first = self._get(task, f"{address}/logText/progressiveText", start="0")
        answer = yield from ask(replace(first, limit_bytes=_LOG_BYTES, keep=("x-text-size",)))
        size = answer.headers.get("x-text-size", "")
        begins = b"\n"
        if size.isdecimal() and int(size) > _LOG_BYTES:
            rest = self._get(task, f"{address}/logText/progressiveText", start=str(int(size) - _LOG_BYTES))
            answer = yield from ask(replace(rest, limit_bytes=_LOG_BYTES))
            begins = b""  # in the middle of a line, which is left out
        whole = (begins + answer.body).partition(b"\n")[2]
        return last_lines(whole.decode("utf-8", "replace"))

    def _build_of(self, task: Task) -> Conversation[Run | None]:
        # `builds` has the newest 100 at most
        tree = f"allBuilds[number,url,timestamp,actions[parameters[name,value]]]{{0,{_BUILDS}}}"
        known = document((yield from ask(self._get(task, f"{self._job(task)}/api/json", tree=tree))))
        builds = value_at(known, "allBuilds") or ()
        for build in builds:
            if _is_of(build, task):
                return Run(id=f"{_BUILD}/{text_at(build, 'number')}", url=text_at(build, "url"))
        since = task.searched_since.timestamp() * 1000
        require_all(builds, _BUILDS, older=(value_at(builds, -1, "timestamp") or since) < since)
        return None

    @property
    def _root(self) -> str:
        return self.url.rstrip("/")

    def _job(self, task: Task) -> str:
        folders = [quote(part, safe="") for part in task.text(self.job).split("/") if part]
        return "/".join((self._root, *(f"job/{part}" for part in folders)))

    def _headers(self, task: Task) -> tuple[tuple[str, str], ...]:
        return () if self.user is None else (("Authorization", f"Basic {self._basic(task.token)}"),)

    def _basic(self, token: str) -> str:
        return base64.b64encode(f"{self.user}:{token}".encode()).decode()

    def _get(self, task: Task, address: str, **query: str) -> Request:
        return Request(
            url=f"{address}?{urlencode(query)}",
            headers=self._headers(task),
            timeout=timedelta(seconds=10),
            limit_bytes=ANSWER_BYTES,
        )


def _is_of(found: Any, task: Task) -> bool:  # noqa: ANN401  # an item or a build
    """Whether its parameters have the command's id."""
    return any(
        text_at(parameter, "name") == COMMAND_PARAMETER and text_at(parameter, "value") == task.id
        for action in value_at(found, "actions") or ()
        for parameter in value_at(action, "parameters") or ()
    )


TOOL = JenkinsOrchestrator
