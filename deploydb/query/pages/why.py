"""`/why/{service}/{environment}`: why a version is there, or is not."""

from collections.abc import Mapping
from typing import Any

from deploydb.query.pages.page import Answer, Page, options_of, stream_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources import why


def _command(asked: RequestContext, _answer: Answer) -> list[str]:
    path = asked.request.path_params
    version = asked.request.query_params.get("version")
    words = [path["service"], path["environment"], *([version] if version else [])]
    return (
        ["why", *options_of(asked, at="at"), "--", *words]
        if _is_option(words)
        else [
            "why",
            *words,
            *options_of(asked, at="at"),
        ]
    )


def _is_option(words: list[str]) -> bool:
    return any(word.startswith("-") for word in words)


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    # of the whole service: what holds a version may be in the stages before
    return {"stream": stream_of(service=answer["service"]) if asked.option("at") is None else None}


PAGES = tuple(
    Page(
        path="/why/{service}/{environment}",
        template="why.html",
        read=resource.read,
        command=_command,
        drawn=_drawn,
        parameters=resource.parameters,
        momentary=resource.momentary,
    )
    for resource in why.RESOURCES
)
