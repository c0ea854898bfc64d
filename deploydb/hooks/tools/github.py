"""GitHub: packages, releases, workflow runs, check runs, commit statuses and deployment statuses.

Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.image import digest_of, image_of
from deploydb.hooks.payload import COMMIT, Payload, Request, named
from deploydb.hooks.schemes import Signature
from deploydb.hooks.signal import Ignored, Outcome, Signal
from deploydb.hooks.tool import Report, Tool, ignored

_CONTAINERS = ("container", "docker")
_REVISION = "org.opencontainers.image.revision"
_CONCLUSIONS: dict[str, Outcome] = {
    "success": "passed",
    "failure": "failed",
    "timed_out": "errored",
    "startup_failure": "errored",
    "cancelled": "errored",
    "action_required": "pending",
}
"""Others (`neutral`, `skipped`, `stale`) say nothing about the commit."""
_STATUSES: dict[str, Outcome] = {"success": "passed", "failure": "failed", "error": "errored"}
"""Of a commit; `pending` comes before it."""
_OWN_STATUS = "deploydb/"
"""Begins the names of those that DeployDB reports."""
_STATES: dict[str, Outcome] = {
    "success": "succeeded",
    "failure": "failed",
    "error": "failed",
    "in_progress": "started",
}
"""Others (`queued`, `pending`, `waiting`) come before it; `inactive` means that another deployment took its place."""


def _package(event: str, payload: Payload) -> Report:
    action = payload.text("action")
    if action not in ("published", "updated"):
        return Ignored(reason=f"{event} {shown(action)} is no new version")
    package = payload.part(event)
    version = package.part("package_version")
    kind = (package.maybe("package_type") or package.maybe("ecosystem") or "").lower()
    name = package.text("name")
    publisher = _person(version, "author") or _person(payload, "sender")
    namespace = package.maybe("namespace") or package.maybe("owner.login")
    about = named(
        event="package",
        repository=payload.maybe("repository.full_name"),
        package=name,
        namespace=namespace,
        package_type=kind,
    )
    if version.get("container_metadata") is None and kind not in _CONTAINERS:
        number = version.text("version")
        files = version.parts("package_files")
        file = files[0] if len(files) == 1 else None
        address = file.maybe("download_url") if file is not None else None
        return Signal(
            kind="artifact",
            key=f"package/{kind}/{namespace}/{name}/{number}",
            names=about,
            version=number,
            digest=digest_of(file.maybe("sha256")) if file is not None else None,
            commit=version.commit("target_oid"),
            triggered_by=publisher,
            url=address if address is None or "?" not in address else None,  # those with a query expire
            time=version.time("updated_at", "created_at"),
        )
    tag = version.maybe("container_metadata.tag.name")
    if tag is None:
        return Ignored(reason="the manifest has no tag: it is a part of an image, or its tag went to another one")
    image = image_of((version.maybe("package_url") or f"ghcr.io/{namespace}/{name}").lower()).name
    digest = digest_of(
        version.maybe("container_metadata.tag.digest") or version.maybe("container_metadata.manifest.digest")
    )
    return Signal(
        kind="artifact",
        key=f"image/{image}:{tag}@{digest or version.text('id')}",
        names={**about, "image": image, "tag": tag},
        version=tag,
        moves=True,
        digest=digest,
        commit=_commit_of_labels(version),
        triggered_by=publisher,
        url=f"{image}:{tag}",
        time=version.time("updated_at", "created_at"),
    )


def _commit_of_labels(version: Payload) -> str | None:
    """The commit that an image was built from; GitHub reads the label itself, or gives it among all of them."""
    labels = version.get("container_metadata.labels.all_labels")
    label = labels.get(_REVISION) if isinstance(labels, dict) else None
    commit = version.commit("container_metadata.labels.revision")
    return commit or (label.lower() if isinstance(label, str) and COMMIT.fullmatch(label.lower()) else None)


def _release(event: str, payload: Payload) -> Report:
    action = payload.text("action")
    if action != "published":
        return Ignored(reason=f"{event} {shown(action)}: a release counts when it is published")
    release = payload.part("release")
    tag = release.text("tag_name")
    repository = payload.text("repository.full_name")
    assets = release.parts("assets")
    return Signal(
        kind="artifact",
        key=f"release/{repository}/{release.text('id')}",
        names={"event": event, "repository": repository, "tag": tag},
        version=tag,
        commit=release.commit("target_commitish"),
        triggered_by=_person(release, "author") or _person(payload, "sender"),
        url=assets[0].maybe("browser_download_url") if len(assets) == 1 else None,
        time=release.time("published_at", "created_at"),
    )


def _workflow_run(event: str, payload: Payload) -> Report:
    run = payload.part("workflow_run")
    about = named(
        event=event,
        repository=payload.text("repository.full_name"),
        job=run.maybe("name") or payload.maybe("workflow.name"),
        workflow=(run.maybe("path") or payload.maybe("workflow.path") or "").partition("@")[0].rpartition("/")[2],
        branch=run.maybe("head_branch"),
        trigger=run.maybe("event"),
    )
    key = f"run/{run.text('id')}/{run.maybe('run_attempt') or 1}"
    return _check(payload, run, about, key, times=("updated_at", "run_started_at"))


def _check_run(event: str, payload: Payload) -> Report:
    run = payload.part("check_run")
    about = named(
        event=event,
        repository=payload.text("repository.full_name"),
        job=run.text("name"),
        app=run.maybe("app.slug"),
        branch=run.maybe("check_suite.head_branch"),
    )
    key = f"check/{run.text('id')}/{run.maybe('completed_at') or ''}"
    return _check(payload, run, about, key, times=("completed_at", "started_at"))


def _check(payload: Payload, run: Payload, about: dict[str, str], key: str, *, times: tuple[str, ...]) -> Report:
    action, conclusion = payload.text("action"), run.maybe("conclusion")
    if action != "completed" or conclusion is None:
        return Ignored(reason=f"{about['event']} {shown(action)} has no conclusion yet")
    if conclusion not in _CONCLUSIONS:
        return Ignored(reason=f"the conclusion {shown(conclusion)} says nothing about the commit")
    return Signal(
        kind="verification",
        key=key,
        names=about,
        outcome=_CONCLUSIONS[conclusion],
        commit=run.text("head_sha").lower(),
        url=run.maybe("html_url"),
        reason=None if conclusion == "success" else f"{about.get('job', 'the run')}: {conclusion}",
        time=run.time(*times),
    )


def _status(event: str, payload: Payload) -> Report:
    state, job = payload.text("state"), payload.text("context")
    if job.startswith(_OWN_STATUS):
        return Ignored(reason="the status is DeployDB's own report")
    if state not in _STATUSES:
        return Ignored(reason=f"the status is {shown(state)}: it has no result")
    branches = payload.parts("branches")
    return Signal(
        kind="verification",
        key=f"status/{payload.text('id')}",
        names=named(
            event=event,
            repository=payload.text("repository.full_name"),
            job=job,
            branch=branches[0].maybe("name") if len(branches) == 1 else None,
        ),
        outcome=_STATUSES[state],
        commit=payload.text("sha").lower(),
        url=payload.maybe("target_url"),
        reason=None if state == "success" else f"{job}: {payload.maybe('description') or state}",
        time=payload.time("updated_at", "created_at"),
    )


def _deployment_status(event: str, payload: Payload) -> Report:
    status, deployment = payload.part("deployment_status"), payload.part("deployment")
    state = status.text("state")
    if deployment.get("payload.deploydb") is not None:
        return Ignored(reason="the deployment is DeployDB's own report")
    if state == "inactive":
        return Ignored(reason="the deployment is inactive: another one took its place, which is no failure")
    if state not in _STATES:
        return Ignored(reason=f"the deployment is {shown(state)}: it has not begun")
    return Signal(
        kind="deployment",
        key=f"deployment/{deployment.text('id')}/{status.text('id')}",
        names=named(
            event=event,
            repository=payload.text("repository.full_name"),
            environment=status.maybe("environment") or deployment.text("environment"),
            task=deployment.maybe("task"),
            ref=deployment.maybe("ref"),
        ),
        outcome=_STATES[state],
        commit=deployment.text("sha").lower(),
        url=status.maybe("log_url") or status.maybe("target_url"),
        reason=status.maybe("description"),
        time=status.time("updated_at", "created_at"),
    )


def _person(payload: Payload, at: str) -> str | None:
    """The login of a person; None for a bot."""
    return payload.person(f"{at}.login") if payload.get(f"{at}.type") != "Bot" else None


_EVENTS = {
    "package": _package,
    "registry_package": _package,
    "release": _release,
    "workflow_run": _workflow_run,
    "check_run": _check_run,
    "status": _status,
    "deployment_status": _deployment_status,
}


def _read(request: Request) -> list[Report]:
    event = request.header("X-GitHub-Event")
    if event == "ping":
        return ignored("ping: the webhook works")
    if event not in _EVENTS:
        return ignored(f"the event {shown(event)} is not used")
    return [_EVENTS[event](event, Payload.of(request))]


TOOL = Tool(
    schemes=(Signature(header="X-Hub-Signature-256", prefix="sha256="),),
    names={
        "event": "package (also for registry_package), release, workflow_run, check_run, status, deployment_status",
        "repository": "owner/name",
        "package": "the name of a package",
        "namespace": "the owner of a package",
        "package_type": "container, npm, maven, …",
        "image": "ghcr.io/owner/name",
        "tag": "the tag of an image or of a release",
        "job": "the name of a workflow or of a check, or the context of a status",
        "workflow": "the file of a workflow, such as test.yml",
        "branch": "the branch of a run, or the only one of a status",
        "trigger": "the event that started a workflow, such as push",
        "app": "the app that reports a check",
        "environment": "the environment of a deployment",
        "task": "the task of a deployment",
        "ref": "the branch, tag or commit of a deployment",
    },
    read=_read,
)
