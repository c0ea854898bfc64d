"""Harbor: an artifact was pushed. The same push may come twice.

Source: https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.image import digest_of
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import Token
from deploydb.hooks.signal import Ignored, Signal
from deploydb.hooks.tool import Report, Tool

_PUSHED = ("PUSH_ARTIFACT", "pushImage", "harbor.artifact.pushed")
"""Since 2.0, before it, and in the format CloudEvents."""

_PROGRAMS = ("robot$", "harbor-jobservice")
"""Begin the names of accounts of programs, by default."""


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    kind = payload.text("type")
    if kind not in _PUSHED:
        return [Ignored(reason=f"the event {shown(kind)} is no push")]
    data = payload.part("data" if payload.get("specversion") else "event_data")
    time = payload.time("time", "occur_at")
    resources = data.parts("resources")
    operator = payload.person("operator") or data.person("operator")
    pusher = operator if operator is not None and not operator.startswith(_PROGRAMS) else None
    if not resources:
        data.reject("resources", "is missing")
    repository = data.maybe("repository.repo_full_name") or data.text("repository.name")
    reports: list[Report] = []
    for resource in resources:
        tag, digest = resource.maybe("tag"), digest_of(resource.maybe("digest"))
        if tag is None or ":" in tag:
            reports.append(Ignored(reason=f"{digest or 'the artifact'} has no tag"))
            continue
        url = resource.maybe("resource_url")
        image = url.removesuffix(f":{tag}").partition("@")[0] if url else repository
        reports.append(
            Signal(
                kind="artifact",
                key=f"{image}:{tag}@{digest or ''}",
                names=named(repository=repository, project=data.maybe("repository.namespace"), image=image, tag=tag),
                version=tag,
                moves=True,
                digest=digest,
                triggered_by=pusher,
                url=f"{image}:{tag}" if url else None,
                time=time,
            )
        )
    return reports


TOOL = Tool(
    schemes=(Token(header="Authorization"), Token(header="Authorization", prefix="Bearer ")),
    names={
        "repository": "project/name",
        "project": "the project",
        "image": "host/project/name",
        "tag": "the tag that was pushed",
    },
    read=_read,
)
