"""Nexus Repository: a component was created.

Source: https://help.sonatype.com/en/example-headers-and-payloads.html
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import Signature
from deploydb.hooks.signal import Signal
from deploydb.hooks.tool import Report, Tool, ignored

_COMPONENT = "rm:repository:component"


def _read(request: Request) -> list[Report]:
    event = request.header("X-Nexus-Webhook-Id")
    if event != _COMPONENT:
        return ignored(f"the event {shown(event)} is not used: components are")
    payload = Payload.of(request)
    action = payload.text("action")
    if action != "CREATED":
        return ignored(f"the component was {shown(action.lower())}: it counts when it is created")
    component = payload.part("component")
    repository, kind, name = payload.text("repositoryName"), component.text("format"), component.text("name")
    group, version = component.maybe("group"), component.maybe("version")
    return [
        Signal(
            kind="artifact",
            key=f"{repository}/{kind}/{group or ''}/{name}/{version or ''}",
            names=named(repository=repository, format=kind, group=group, name=name),
            version=version,
            moves=kind == "docker",
            time=payload.time("timestamp"),
        )
    ]


TOOL = Tool(
    schemes=(
        Signature(header="X-Nexus-Webhook-Signature", algorithm="sha1"),
        Signature(header="X-Nexus-Webhook-Signature", algorithm="sha1", compact=True),
    ),
    names={
        "repository": "the repository of Nexus",
        "format": "maven2, npm, docker, …",
        "group": "the group of a component",
        "name": "the name of a component",
    },
    read=_read,
)
