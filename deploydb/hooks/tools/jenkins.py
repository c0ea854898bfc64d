"""Jenkins, by its notification plugin: builds as verifications. A build is reported as completed and as finalized.

Source: https://plugins.jenkins.io/notification/
"""

from urllib.parse import unquote

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import BEARER_OR_BASIC, Query
from deploydb.hooks.signal import Outcome, Signal
from deploydb.hooks.tool import Report, Tool, ignored

_RESULTS: dict[str, Outcome] = {
    "SUCCESS": "passed",
    "UNSTABLE": "failed",
    "FAILURE": "failed",
    "ABORTED": "errored",
    "NOT_BUILT": "errored",
}


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    job = payload.text("name")
    build = payload.part("build")
    phase = build.text("phase")
    if phase not in ("COMPLETED", "FINALIZED"):
        return ignored(f"the build is {shown(phase.lower())}: it has no result")
    result = build.maybe("status")
    if result is None:
        return ignored("the build has no result")
    if result not in _RESULTS:
        build.reject("status", f"expected {', '.join(_RESULTS)}, found {shown(result)}")
    return [
        Signal(
            kind="verification",
            key=f"build/{build.maybe('full_url') or '/'.join((job, build.text('number')))}",
            names={
                **named(job=job, path=_path(payload), branch=build.maybe("scm.branch")),
                **{f"parameter.{name}": value for name, value in build.words("parameters").items()},
            },
            outcome=_RESULTS[result],
            commit=build.commit("scm.commit"),
            url=build.maybe("full_url"),
            reason=None if result == "SUCCESS" else f"{job}: {result}",
            time=build.time("timestamp"),
        )
    ]


def _path(payload: Payload) -> str | None:
    """The job with its folders: the plugin gives the last name alone, which of a multibranch project is a branch."""
    folders = (payload.maybe("url") or "").strip("/").split("/")
    return unquote("/".join(folders[1::2])) if folders[::2] == ["job"] * len(folders[::2]) else None


TOOL = Tool(
    schemes=(Query(), *BEARER_OR_BASIC),
    names={
        "job": "the name of the job; of a multibranch project the branch",
        "path": "the name with its folders, such as shop/storefront/main",
        "branch": "the branch that was built",
        "parameter.*": "a parameter of the build, such as parameter.VERSION",
    },
    read=_read,
)
