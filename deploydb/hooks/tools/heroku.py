"""Heroku: releases of an app as deployments.

Source: https://devcenter.heroku.com/articles/app-webhooks
"""

import re

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request
from deploydb.hooks.schemes import Signature
from deploydb.hooks.signal import Outcome, Signal
from deploydb.hooks.tool import Report, Tool, ignored

_STATES: dict[str, Outcome] = {"pending": "started", "succeeded": "succeeded", "failed": "failed"}
_DEPLOY = re.compile(r"(?:Deploy(?:ed)?|Promote \S+ v\d+) ([0-9a-f]{7,40})\b")


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    resource = payload.text("resource")
    if resource != "release":
        return ignored(f"the resource {shown(resource)} is not used: releases are")
    release = payload.part("data")
    status = release.text("status")
    if status not in _STATES:
        return ignored(f"the release is {shown(status)}")
    description = release.maybe("description") or ""
    described = _DEPLOY.search(description)
    return [
        Signal(
            kind="deployment",
            key=f"release/{release.text('id')}/{status}",
            names={"app": release.text("app.name"), "description": description},
            outcome=_STATES[status],
            commit=release.commit("slug.commit") or (described[1] if described else None),
            url=release.maybe("output_stream_url"),
            reason=description if status == "failed" else None,
            time=release.time("updated_at", "created_at"),
        )
    ]


TOOL = Tool(
    schemes=(Signature(header="Heroku-Webhook-Hmac-SHA256", encoding="base64"),),
    names={"app": "the name of the app", "description": "the description of the release"},
    read=_read,
)
