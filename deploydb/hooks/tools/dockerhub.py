"""Docker Hub: a tag of a repository was pushed. It signs nothing and sends no digest.

Source: https://docs.docker.com/docker-hub/repos/manage/webhooks/
"""

from deploydb.hooks.payload import Payload, Request
from deploydb.hooks.schemes import Query
from deploydb.hooks.signal import Signal
from deploydb.hooks.tool import Report, Tool


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    repository, tag = payload.text("repository.repo_name"), payload.text("push_data.tag")
    pushed = payload.time("push_data.pushed_at")
    image = f"docker.io/{repository}"
    return [
        Signal(
            kind="artifact",
            key=f"{repository}:{tag}@{payload.maybe('push_data.pushed_at') or ''}",
            names={"repository": repository, "image": image, "tag": tag},
            version=tag,
            moves=True,
            triggered_by=payload.person("push_data.pusher"),
            url=f"{image}:{tag}",
            time=pushed,
        )
    ]


TOOL = Tool(
    schemes=(Query(),),
    names={
        "repository": "namespace/name",
        "image": "docker.io/namespace/name",
        "tag": "the tag that was pushed",
    },
    read=_read,
)
