"""`/why/{service}/{environment}`: why a version is there, or is not."""

from collections.abc import Mapping
from typing import Any

from deploydb.query.pages.page import Answer, options_of, pages_of, stream_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources import why


def _command(asked: RequestContext, _answer: Answer) -> list[str]:
    path = asked.request.path_params
    version = asked.request.query_params.get("version")
    names = [path["service"], path["environment"], *([version] if version else [])]
    options = options_of(asked, at="at")
    if any(name.startswith("-") for name in names):  # `--` marks it as a name
        return ["why", *options, "--", *names]
    return ["why", *names, *options]


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    # of the whole service: what holds a version may be in the stages before
    return {"stream": stream_of(service=answer["service"]) if asked.option("at") is None else None}


PAGES = pages_of(why.RESOURCES, "/why/{service}/{environment}", "why.html", _command, _drawn)
