"""Values in URLs and bodies: each keeps the structure that its author wrote."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploydb.domain import templates
from tests.domain.template_values import known, values
from tests.domain.test_query_templates import inside

addresses = st.lists(
    st.sampled_from(
        [
            "{version}",
            "{name}",
            "{service}",
            "{deployment}",
            "/",
            "?",
            "&",
            "=",
            "#",
            "a",
            ".",
            "..",
            "%2F",
            "%",
            ":1",
            "@",
        ]
    ),
    max_size=10,
).map(lambda parts: "https://example.com" + "".join(parts))


@given(addresses, values)
@example("https://example.com/{version}/x", "..")
@example("https://example.com/%{version}", "2f2f")
@example("https://example.com/?a={version}", "1&b=2#c")
def test_a_url_that_is_accepted_has_the_same_structure_for_every_value(url: str, value: str) -> None:
    template = templates.url(url)
    if template.problems:
        return
    harmless, hostile = (urlsplit(template.fill(known(given))) for given in ("x", value))
    assert (harmless.scheme, harmless.netloc) == (hostile.scheme, hostile.netloc)
    paths = [unquote(segment.replace("%2F", "/")) for segment in hostile.path.split("/")]
    assert len(paths) == len(harmless.path.split("/"))
    for kept, part in zip(harmless.path.split("/"), hostile.path.split("/"), strict=True):
        assert unquote(part) == unquote(kept) or value in unquote(part)
    assert len(parse_qsl(harmless.query, keep_blank_values=True)) == len(
        parse_qsl(hostile.query, keep_blank_values=True)
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://{version}.example.com/", "the publisher of a version would choose the host by {version}"),
        ("https://a.{version}/{version}", "the publisher of a version would choose the host by {version}"),
        ("https://example.com\\{name}", "the publisher of a version would choose the host by {name}"),
        ("https://example.com:{service}/", "a port cannot be {service}"),
        ("https://example.com/%{version}", "has % before {version}"),
        ("https://example.com/?a=%2{version}", "has %2 before {version}"),
        ("https://example.com/a/../{version}", "has the path segment . or .."),
        ("https://example.com/..;a=b/{version}", "has the path segment . or .."),
        ("https://example.com/%2e%2E/{version}", "has the path segment . or .."),
        ("{version}://example.com/", "is no http or https address"),
    ],
)
def test_a_place_where_a_value_would_choose_more_than_its_place_is_a_problem(url: str, problem: str) -> None:
    assert templates.url(url).problems[0].startswith(problem)


bodies = st.lists(
    st.sampled_from(
        ["{version}", "{name}", "{deployment}", '"', "{", "}", ":", ",", "[", "]", "\\", "\\n", "u00", "1", "a"]
    ),
    max_size=12,
).map("".join) | inside.map(lambda text: json.dumps({"a": [text, {"b": text}]}, ensure_ascii=False))


def _shape(value: Any) -> Any:
    match value:
        case dict():
            return {"object": [_shape(member) for member in value.values()]}
        case list():
            return [_shape(member) for member in value]
        case str():
            return "string"
        case _:
            return value


@given(bodies, values)
@example('{"a": {version}}', '1, "b": 2')
@example('{"a": "\\{version}"}', '", "b": "')
@example('{"a": "\\u00{version}"}', '22", "b": "')
def test_a_json_body_that_is_accepted_has_the_same_structure_for_every_value(body: str, value: str) -> None:
    template = templates.body(body, ())
    if template.problems:
        return
    shapes = []
    for given_value in ("x", value):
        try:
            shapes.append(_shape(json.loads(template.fill(known(given_value)))))
        except ValueError:
            shapes.append("no JSON")
    assert shapes[0] == shapes[1]


def test_a_body_is_written_in_the_language_of_its_headers() -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert templates.body("v={version}&n=1", headers.items()).fill(known("a&b=c")) == "v=a%26b%3Dc&n=1"
    assert templates.body("it is {version}", [("content-type", "text/plain; charset=utf-8")]).fill(known("a\nb")) == (
        "it is a\\nb"
    )
    assert templates.body("<v>{version}</v>", [("content-type", "application/xml")]).problems == (
        "{version} cannot be put into application/xml: expected JSON, application/x-www-form-urlencoded or text/plain",
    )
    assert templates.body('no JSON, and 5" long', ()).problems == ()
