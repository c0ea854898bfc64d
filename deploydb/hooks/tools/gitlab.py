"""GitLab: pipelines, jobs, deployments and releases.

Source: https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from urllib.parse import urlsplit

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import StandardWebhook, Token
from deploydb.hooks.signal import Ignored, Outcome, Signal
from deploydb.hooks.tool import Report, Tool

_RESULTS: dict[str, Outcome] = {"success": "passed", "failed": "failed", "canceled": "errored"}
_STATES: dict[str, Outcome] = {
    "running": "started",
    "success": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
_SCRIPT_FAILED = (None, "unknown_failure", "script_failure")
"""Other reasons (`runner_system_failure`, `stuck_or_timeout_failure`, …) are the runner's: the job has no answer."""


def _pipeline(payload: Payload) -> Report:
    about = payload.part("object_attributes")
    status = about.text("status")
    if status not in _RESULTS:
        return Ignored(reason=f"the pipeline is {shown(status)}: it has no result")
    return Signal(
        kind="verification",
        key=f"pipeline/{about.text('id')}/{about.maybe('finished_at') or status}",
        names=named(
            event="pipeline",
            project=_project(payload),
            pipeline=about.maybe("name"),
            ref=about.maybe("ref"),
            trigger=about.maybe("source"),
        ),
        outcome=_RESULTS[status],
        commit=about.text("sha").lower(),
        url=about.maybe("url"),
        reason=None if status == "success" else f"the pipeline {status}",
        time=about.time("finished_at"),
    )


def _job(payload: Payload) -> Report:
    status, name = payload.text("build_status"), payload.text("build_name")
    if status not in _RESULTS:
        return Ignored(reason=f"the job is {shown(status)}: it has no result")
    failure = payload.maybe("build_failure_reason")
    broke = status == "failed" and failure not in _SCRIPT_FAILED
    return Signal(
        kind="verification",
        key=f"job/{payload.text('build_id')}",
        names=named(
            event="job",
            project=_project(payload),
            job=name,
            stage=payload.maybe("build_stage"),
            environment=payload.maybe("environment.name"),
            ref=payload.maybe("ref"),
        ),
        outcome="errored" if broke else _RESULTS[status],
        commit=payload.text("sha").lower(),
        url=_job_url(payload),
        reason=None if status == "success" else f"{name} {status}" + (f": {failure}" if failure else ""),
        time=payload.time("build_finished_at_iso", "build_finished_at"),
    )


def _deployment(payload: Payload) -> Report:
    status = payload.text("status")
    if status not in _STATES:
        return Ignored(reason=f"the deployment is {shown(status)}: it has not begun")
    id_ = payload.maybe("deployment_id") or f"job-{payload.text('deployable_id')}"
    short = payload.text("short_sha").lower()
    whole = (payload.maybe("commit_url") or "").rpartition("/")[2].lower()
    if payload.get("deployable_id") is None and whole and payload.get("ref") == whole:
        return Ignored(reason="the deployment is DeployDB's own report: no job made it, and its ref is its commit")
    return Signal(
        kind="deployment",
        key=f"deployment/{id_}/{status}",
        names=named(
            event="deployment",
            project=_project(payload),
            environment=payload.text("environment"),
            tier=payload.maybe("environment_tier"),
            ref=payload.maybe("ref"),
        ),
        outcome=_STATES[status],
        commit=whole if whole.startswith(short) else short,
        url=payload.maybe("deployable_url"),
        reason="canceled" if status == "canceled" else None,
        time=payload.time("status_changed_at"),
    )


def _release(payload: Payload) -> Report:
    action = payload.text("action")
    if action != "create":
        return Ignored(reason=f"release {shown(action)}: a release counts when it is created")
    project, tag = _project(payload), payload.text("tag")
    links = [link for link in payload.parts("assets.links") if link.maybe("link_type") != "runbook"]
    files = [link for link in links if link.maybe("link_type") in ("package", "image")] or links
    return Signal(
        kind="artifact",
        key=f"release/{project}/{tag}",
        names={"event": "release", "project": project, "ref": tag},
        version=tag,
        commit=payload.commit("commit.id"),
        author=payload.person("commit.author.name"),
        url=files[0].maybe("url") if len(files) == 1 else None,
        time=payload.time("released_at", "created_at"),
    )


def _project(payload: Payload) -> str:
    path = payload.maybe("project.path_with_namespace")
    home = payload.maybe("repository.homepage")
    return path or (urlsplit(home).path.strip("/") if home else payload.text("project_name").replace(" ", ""))


def _job_url(payload: Payload) -> str | None:
    home = payload.maybe("project.web_url") or payload.maybe("repository.homepage")
    return f"{home}/-/jobs/{payload.text('build_id')}" if home else None


_KINDS = {"pipeline": _pipeline, "build": _job, "deployment": _deployment, "release": _release}


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    kind = payload.maybe("object_kind") or payload.maybe("event_name") or payload.text("object_kind")
    if kind not in _KINDS:
        return [Ignored(reason=f"the event {shown(kind)} is not used")]
    return [_KINDS[kind](payload)]


TOOL = Tool(
    schemes=(Token(header="X-Gitlab-Token"), StandardWebhook()),
    names={
        "event": "pipeline, job, deployment, release",
        "project": "group/name",
        "pipeline": "the name of a pipeline",
        "job": "the name of a job",
        "stage": "the stage of a job",
        "environment": "the environment of a deployment or job",
        "tier": "the tier of a deployment's environment",
        "ref": "the branch or tag",
        "trigger": "what started a pipeline, such as push",
    },
    read=_read,
)
