"""Quay: tags of a repository were pushed. It signs nothing and sends no digest.

Source: https://docs.quay.io/guides/notifications.html
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request
from deploydb.hooks.schemes import Query
from deploydb.hooks.signal import Signal
from deploydb.hooks.tool import Report, Tool, ignored


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    tags = payload.get("updated_tags")
    repository, image = payload.text("repository"), payload.text("docker_url")
    if tags is None:
        return ignored(f"the event of {shown(repository)} is no push")
    if not isinstance(tags, list | dict) or not all(isinstance(tag, str) and tag for tag in tags):
        payload.reject("updated_tags", "expected tags")
    return [
        Signal(
            kind="artifact",
            key=f"{image}:{tag}",
            names={"repository": repository, "image": image, "tag": tag},
            version=tag,
            moves=True,
            url=f"{image}:{tag}",
        )
        for tag in tags
    ] or ignored("no tag was pushed")


TOOL = Tool(
    schemes=(Query(),),
    names={"repository": "namespace/name", "image": "quay.io/namespace/name", "tag": "a tag that was pushed"},
    read=_read,
)
