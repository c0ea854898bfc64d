"""Heroku: a build from the artifact's URL → a release → its status.

A build is found again by its `source_blob.version_description`, which has the command's id. `source_blob.version` is
the commit, or else the version: Heroku shows it as the description of the release.

Source: https://devcenter.heroku.com/articles/platform-api-reference#build
"""

from datetime import timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from msgspec import Meta
from msgspec.structs import replace

from deploydb.domain.model.requests import Request
from deploydb.domain.templates import URL
from deploydb.orchestrators.conversation import (
    ANSWER_BYTES,
    Conversation,
    Trouble,
    ask,
    document,
    json_request,
    require_all,
    text_at,
    tolerant,
    value_at,
)
from deploydb.orchestrators.orchestrator import IN_PLACES, Checks, Orchestrator, check_address, check_text
from deploydb.orchestrators.run import Finished, Run, Running, last_lines
from deploydb.orchestrators.task import CONFIGURED, Task

_BUILDS = 200
"""How many of the newest builds of an app are searched."""


class HerokuOrchestrator(Orchestrator, frozen=True, kw_only=True):
    """An app of Heroku, which builds what the artifact's URL leads to."""

    kind: ClassVar[str] = "heroku"

    app: Annotated[
        str, Meta(description="The app. Places: {service}, {environment}, {type}.", min_length=1, max_length=512)
    ]
    source: Annotated[
        str, Meta(description=f"The address of the source as a gzipped tar archive. {IN_PLACES}", max_length=8192)
    ] = "{url}"
    url: Annotated[str, Meta(description="The address of the API.", max_length=8192)] = "https://api.heroku.com"

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_address(checks, ("url",), self.url)
        check_text(checks, ("app",), self.app, CONFIGURED)
        check_text(checks, ("source",), self.source)
        if self.token_from is None:
            checks.problem((), "token_from is missing: Heroku builds nothing without a token")

    def find(self, task: Task) -> Conversation[Run | None]:
        request = self._request(task, "/builds")
        newest = replace(request, headers=(*request.headers, ("Range", f"created_at ..; order=desc,max={_BUILDS};")))
        builds = document((yield from ask(newest)))
        for build in builds:
            if task.id in (text_at(build, "source_blob", "version_description") or ""):
                return self._run_of(task, build)
        since = task.searched_since.strftime("%Y-%m-%dT%H:%M:%SZ")
        require_all(builds, _BUILDS, older=(text_at(builds, -1, "created_at") or since) < since)
        return None

    def start(self, task: Task) -> Conversation[Run]:
        source = task.text(self.source)
        if not URL.fullmatch(source):
            artifact = task.command.artifact
            raise Trouble(f"{artifact} has no http or https address to build from: publish its url", refused=True)
        blob = {
            "url": source,
            "version": task.command.artifact.commit or task.command.artifact.version,
            "version_description": f"DeployDB {task.id}",
        }
        answer = yield from ask(self._request(task, "/builds", {"source_blob": blob}))
        return self._run_of(task, document(answer))

    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        build = document((yield from ask(self._request(task, f"/builds/{quote(run.id, safe='')}"))))
        run, status = self._run_of(task, build), text_at(build, "status")
        if status == "failed":
            log = yield from tolerant(_log(build), ())
            return Finished(run=run, outcome="failed", reason="the build has failed", log=log)
        release = text_at(build, "release", "id")
        if status != "succeeded" or release is None:
            return Running(run=run)
        seen = document((yield from ask(self._request(task, f"/releases/{quote(release, safe='')}"))))
        match text_at(seen, "status"):
            case "succeeded":
                return Finished(run=run, outcome="succeeded")
            case "failed" | "expired" as ended:
                log = yield from tolerant(_log(seen), ())
                return Finished(run=run, outcome="failed", reason=f"the release has {ended}", log=log)
            case _:
                return Running(run=run)

    def _run_of(self, task: Task, build: Any) -> Run:  # noqa: ANN401  # any JSON
        ident = text_at(build, "id")
        if ident is None:
            raise Trouble("its answer names no build")
        app = quote(task.text(self.app), safe="")
        return Run(id=ident, url=f"https://dashboard.heroku.com/apps/{app}/activity/builds/{quote(ident, safe='')}")

    def _request(self, task: Task, path: str, body: dict[str, Any] | None = None) -> Request:
        return json_request(
            f"{self.url.rstrip('/')}/apps/{quote(task.text(self.app), safe='')}{path}",
            ("Accept", "application/vnd.heroku+json; version=3"),
            ("Authorization", f"Bearer {task.token}"),
            body=body,
        )


def _log(found: Any) -> Conversation[tuple[str, ...]]:  # noqa: ANN401  # a build or a release
    """The end of its output. Its address is signed, and needs no token."""
    address = value_at(found, "output_stream_url")
    if not isinstance(address, str):
        return ()
    answer = yield from ask(Request(url=address, timeout=timedelta(seconds=10), limit_bytes=ANSWER_BYTES))
    return last_lines(answer.body.decode("utf-8", "replace")) if answer.complete else ()


TOOL = HerokuOrchestrator
