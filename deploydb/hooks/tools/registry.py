"""A registry of CNCF Distribution, or Azure Container Registry: a tag was pushed. Each layer and pull is an event, too.

Source: https://distribution.github.io/distribution/about/notifications and
https://learn.microsoft.com/azure/container-registry/container-registry-webhook-reference
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.image import digest_of
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import BEARER_OR_BASIC, Query
from deploydb.hooks.signal import Ignored, Signal
from deploydb.hooks.tool import Report, Tool, ignored


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    events = payload.parts("events") if payload.get("events") is not None else [payload]
    return [_event(event) for event in events] or ignored("there is no event in it")


def _event(event: Payload) -> Report:
    action = event.text("action")
    if action != "push":
        return Ignored(reason=f"the action {shown(action)} is no push")
    target = event.part("target")
    repository, digest = target.text("repository"), digest_of(target.maybe("digest"))
    tag = target.maybe("tag")
    if tag is None:
        return Ignored(reason=f"{digest or 'the target'} has no tag: it is a layer, or a part of an image")
    host = event.maybe("request.host")
    image = f"{host}/{repository}" if host is not None else repository
    return Signal(
        kind="artifact",
        key=f"{image}:{tag}@{digest or event.text('id')}",
        names=named(repository=repository, host=host, image=image, tag=tag),
        version=tag,
        moves=True,
        digest=digest,
        triggered_by=event.person("actor.name"),
        url=f"{image}:{tag}" if host is not None else None,
        time=event.time("timestamp"),
    )


TOOL = Tool(
    schemes=(*BEARER_OR_BASIC, Query()),
    names={
        "repository": "the path in the registry",
        "host": "the host of the registry, with its port",
        "image": "host/repository",
        "tag": "the tag that was pushed",
    },
    read=_read,
)
