"""Argo CD notifications: an application as the template sends it (`{"app": {{toJson .app}}}`).

The images of `status.summary` are those that run: they are the deployed ones only once the sync has succeeded and the
application is healthy. `on-deployed` fires again when a pod is replaced; the entry of the history is the same then.

Source: https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/services/webhook/
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.image import Image, digest_of, image_of
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import BEARER_OR_BASIC, Token
from deploydb.hooks.signal import Ignored, Outcome, Signal
from deploydb.hooks.tool import Report, Tool, ignored

_PHASES: dict[str, Outcome] = {"Running": "started", "Failed": "failed", "Error": "failed", "Succeeded": "succeeded"}


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    app = payload if payload.get("kind") == "Application" else payload.part("app")
    name = app.text("metadata.name")
    phase = app.maybe("status.operationState.phase")
    if phase is None:
        return ignored(f"{name} has not been synced")
    if phase not in _PHASES:
        return ignored(f"the sync of {name} is {shown(phase)}")
    outcome = _PHASES[phase]
    health = app.maybe("status.health.status")
    if outcome == "succeeded" and health != "Healthy":
        return ignored(f"{name} is synced and {health or 'of unknown health'}: it counts once it is healthy")
    about = named(
        application=name,
        project=app.maybe("spec.project"),
        namespace=app.maybe("spec.destination.namespace"),
        cluster=app.maybe("spec.destination.name") or app.maybe("spec.destination.server"),
    )
    found = [*_sources(app, about, outcome), *(_images(app, about) if outcome == "succeeded" else ())]
    return found or ignored(f"{name} names no image, chart or revision")


def _images(app: Payload, about: dict[str, str]) -> list[Report]:
    seen: dict[str, dict[str | None, Image]] = {}
    images = app.get("status.summary.images") or []
    if not isinstance(images, list) or not all(isinstance(image, str) for image in images):
        app.reject("status.summary.images", "expected a list of texts")
    for image in map(image_of, images):
        seen.setdefault(image.name, {})[image.tag or image.digest] = image
    reports: list[Report] = []
    for name, found in seen.items():
        (version, image), *others = found.items()
        if others:
            versions = " and ".join(sorted(one or "no tag" for one in found))
            reason = f"{about['application']} runs {name} as {versions}: its version is not clear"
            reports.append(Ignored(reason=reason))
        elif version is None:
            reports.append(Ignored(reason=f"the image {name} has neither a tag nor a digest"))
        else:
            names = {**about, **named(image=name, tag=image.tag)}
            reports.append(_signal(app, names, "succeeded", name, version=image.tag, digest=image.digest, moves=True))
    return reports


def _sources(app: Payload, about: dict[str, str], outcome: Outcome) -> list[Report]:
    """One report for each chart and repository, at the revision that was synced."""
    one = [app.part("spec.source")] if app.get("spec.source") else []
    sources = app.parts("spec.sources") or one
    for path in ("operationState.syncResult", "operationState.operation.sync", "sync"):
        several = app.get(f"status.{path}.revisions")
        revisions = several if isinstance(several, list) and several else [app.get(f"status.{path}.revision")]
        if any(revisions):
            break
    reports: list[Report] = []
    for source, revision in zip(sources, revisions, strict=False):
        if not isinstance(revision, str) or not revision:
            continue
        names = {**about, **named(chart=source.maybe("chart"), repository=source.text("repoURL"))}
        chart = source.maybe("chart")
        part = chart or source.text("repoURL")
        if chart is not None:
            reports.append(_signal(app, names, outcome, part, version=revision))
        else:
            digest = digest_of(revision) if ":" in revision else None  # of a source in an OCI registry
            commit = revision.lower() if digest is None else None
            reports.append(_signal(app, names, outcome, part, commit=commit, digest=digest))
    return reports


def _signal(
    app: Payload,
    names: dict[str, str],
    outcome: Outcome,
    part: str,
    *,
    version: str | None = None,
    commit: str | None = None,
    digest: str | None = None,
    moves: bool = False,
) -> Signal:
    history = app.parts("status.history")
    state = app.part("status.operationState")
    last = history[-1] if history and outcome == "succeeded" else None
    entry = last.maybe("id") if last is not None else None
    id_ = app.maybe("metadata.uid") or f"{app.maybe('metadata.namespace')}/{app.text('metadata.name')}"
    when = entry if entry is not None else state.maybe("finishedAt") or state.maybe("startedAt")
    return Signal(
        kind="deployment",
        key=f"{id_}/{when}/{outcome}/{part}",
        names=names,
        outcome=outcome,
        version=version,
        commit=commit,
        digest=digest,
        moves=moves,
        part=True,
        reason=state.maybe("message") if outcome == "failed" else None,
        time=(last.time("deployedAt") if last is not None else None) or state.time("finishedAt", "startedAt"),
    )


TOOL = Tool(
    schemes=(*BEARER_OR_BASIC, Token(header="Authorization")),
    names={
        "application": "the name of the application",
        "project": "its project",
        "namespace": "the namespace that it is deployed to",
        "cluster": "the cluster that it is deployed to: its name, or its address",
        "image": "an image that runs, without its tag",
        "tag": "the tag of the image",
        "chart": "the name of a chart",
        "repository": "the repository of a chart or of manifests",
    },
    read=_read,
)
