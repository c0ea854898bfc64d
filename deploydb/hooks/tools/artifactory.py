"""Artifactory: an image was pushed, or a file was deployed.

Source: https://docs.jfrog.com/administration/docs/event-types
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.image import digest_of
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import Signature, Token
from deploydb.hooks.signal import Ignored, Signal
from deploydb.hooks.tool import Report, Tool

_NO_FILES = (".pom", ".xml", ".sha1", ".sha256", ".sha512", ".md5", ".asc", ".module")


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    event, domain = payload.text("event_type"), payload.maybe("domain")
    data = payload.part("data") if payload.get("data") is not None else payload
    if domain in (None, "docker") and event == "pushed":
        return [_image(data)]
    if domain in (None, "artifact") and event == "deployed":
        return [_file(data)]
    return [Ignored(reason=f"the event {shown(event)} of {shown(domain or 'no domain')} is no new artifact")]


def _image(data: Payload) -> Report:
    repository, tag = data.text("repo_key"), data.text("tag")
    image = f"{repository}/{data.text('image_name')}"
    digest = digest_of(data.maybe("sha256"))
    return Signal(
        kind="artifact",
        key=f"{image}:{tag}@{digest or ''}",
        names={"event": "pushed", "repository": repository, "image": image, "tag": tag},
        version=tag,
        moves=True,
        digest=digest,
    )


def _file(data: Payload) -> Report:
    repository, path = data.text("repo_key"), data.text("path")
    if path.endswith(_NO_FILES):
        return Ignored(reason=f"{shown(path)} is a file beside an artifact")
    group, module, version = _maven(path)
    digest = digest_of(data.maybe("sha256"))
    return Signal(
        kind="artifact",
        key=f"{repository}/{path}@{digest or ''}",
        names=named(event="deployed", repository=repository, path=path, group=group, module=module),
        version=version,
        digest=digest,
    )


def _maven(path: str) -> tuple[str | None, str | None, str | None]:
    """Group, module and version of `com/example/shop/1.2.0/shop-1.2.0.jar`; of other files, and of those with a
    classifier, nothing."""
    *folders, file = path.split("/")
    if len(folders) < 3:
        return None, None, None
    *group, module, version = folders
    is_main = file.startswith(f"{module}-{version}.")
    return (".".join(group), module, version) if is_main else (None, None, None)


_HEADER = "X-JFrog-Event-Auth"
TOOL = Tool(
    schemes=(Token(header=_HEADER), Signature(header=_HEADER), Signature(header=_HEADER, prefix="sha256=")),
    names={
        "event": "pushed (an image), deployed (a file)",
        "repository": "the key of the repository",
        "image": "repository/name",
        "tag": "the tag of an image",
        "path": "the path of a file",
        "group": "the group of a file in Maven's layout",
        "module": "the name of a file in Maven's layout",
    },
    read=_read,
)
