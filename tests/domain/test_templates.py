"""Values in templates: whatever a publisher chooses, a query, URL or body keeps the structure that its author wrote."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import promql_parser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploydb.domain import templates
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.deployment import Deployment, Release
from deploydb.domain.promql import promql
from tests.domain.scenario import NOON

HOSTILE = [
    '"} or vector(1) #',
    "'} or vector(1) #",
    "`} or vector(1) #",
    '\\"} or vector(1)',
    "\\",
    "\n",
    "\r",
    "#",
    "{version}{service}",
    ".*|.+",
    "$1",
    "\\E.*\\Q",
    "..",
    "../..",
    "a/b?c=d&e=f#g",
    "%2e%2e%2f",
    "@evil.example.com:80/",
    '", "admin": true, "x": "',
    "\ufffd\u2028\u0001",
    "]]{}()",
]
values = st.sampled_from(HOSTILE) | st.text(
    st.sampled_from("\"'`\\#{}()[]$.*|/?&=%@:;,+ \n\r\t1n") | st.characters(codec="utf-8", exclude_characters="\0"),
    min_size=1,
    max_size=12,
)


def known(value: str, *, service: str = "foo") -> Deployment:
    """A deployment of which a publisher has chosen every text."""
    artifact = Artifact(group=value, name=value, version=value, digest=value, commit=value)
    release = Release(id=1, artifact=artifact, published_at=NOON, published_by="ci")
    return Deployment(id=7, flow=1, service=service, environment="dev", release=release)


def structure(expression: Any, strings: list[str]) -> Any:
    """A query's tree as Prometheus' grammar has it; what its strings hold goes into `strings`."""
    match type(expression).__name__:
        case "StringLiteral":
            strings.append(expression.val)
            return "string"
        case "NumberLiteral":
            return str(expression)
        case "VectorSelector":
            matchers = expression.matchers.matchers
            strings += [matcher.value for matcher in matchers]
            return (expression.name, [(str(matcher.op), matcher.name) for matcher in matchers], str(expression.offset))
        case "MatrixSelector":
            return (structure(expression.vector_selector, strings), str(expression.range))
        case "Call":
            return (expression.func.name, [structure(argument, strings) for argument in expression.args])
        case "AggregateExpr":
            param = None if expression.param is None else structure(expression.param, strings)
            return (str(expression.op), structure(expression.expr, strings), param, str(expression.modifier))
        case "BinaryExpr":
            sides = (structure(expression.lhs, strings), structure(expression.rhs, strings))
            return (str(expression.op), *sides, str(expression.modifier))
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            return (type(expression).__name__, structure(expression.expr, strings))
        case other:
            raise AssertionError(other)


def parsed(query: str) -> tuple[Any, list[str]] | None:
    strings: list[str] = []
    try:
        return structure(promql_parser.parse(query), strings), strings
    except ValueError:
        return None


inside = st.lists(
    st.sampled_from(
        ["{version}", "{name}", "{service}", "a", "-", " ", ".*", "#", "'", '"', "`", "\\\\", "[", "{", "é"]
    ),
    max_size=4,
).map("".join)


def _string(text: str, quotes: str) -> str:
    return quotes + text.replace(quotes, "") + quotes


strings = st.builds(_string, inside, st.sampled_from("\"'`"))
selectors = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["=", "!=", "=~", "!~", "=~ "]), strings).map("".join),
    min_size=1,
    max_size=3,
).map(lambda matchers: "up{" + ", ".join(matchers) + "}")
queries = st.recursive(
    selectors,
    lambda inner: st.one_of(
        inner.map(lambda query: f"sum by (a) (rate({query}[5m]))"),
        inner.map(lambda query: f'{query} # a comment with "quotes\n'),
        st.tuples(inner, inner).map(" / on (a) ".join),
        st.tuples(inner, strings, strings).map(lambda of: f'label_replace({of[0]}, "a", {of[1]}, "b", ({of[2]}))'),
        st.tuples(strings, inner).map(lambda of: f"count_values({of[0]}, {of[1]})"),
    ),
    max_leaves=4,
)
soups = st.lists(
    st.sampled_from(
        ["up", "{", "}", "a", "=", "=~", '"', "'", "`", "\\", "#", "\n", "{version}", "{name}", " or ", "(", ")", ","]
    ),
    max_size=14,
).map("".join)


@given(queries | soups, values)
@example('up{a="{version}",b={version}}', "x} or vector(1) #")
@example("""up{a='"{version}'}""", "'} or vector(1) or up{a='")
@example("up{a=`{version}`}", "`} or vector(1) #")
@example('up{a="\\{version}"}', '"} or vector(1) #')
@example('up # "{version}', "\nor vector(1)")
@example('up # "\n + up{a="b"} + {version}', "vector(1)")
def test_a_query_that_is_accepted_has_the_same_structure_for_every_value(query: str, value: str) -> None:
    template = promql(query)
    if template.problems:
        return
    harmless, hostile = parsed(template.fill(known("x"))), parsed(template.fill(known(value)))
    assert (harmless is None) == (hostile is None), template.fill(known(value))
    if harmless is not None and hostile is not None:
        assert harmless[0] == hostile[0]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ('up{a="{version}"}', "{}"),
        ("up{a='{version}'}", "{}"),
        ('up{a=`\\d{version}"`}', '\\d{}"'),
        ('up{a="\'{version}\\\\"}', "'{}\\"),
        ('up # "\n{a="<{version}>"}', "<{}>"),
    ],
)
def test_a_string_has_the_value_as_it_is(query: str, text: str, value: str) -> None:
    _, (string,) = parsed(promql(query).fill(known(value))) or (None, [""])
    assert string == text.replace("{}", value)


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ('up{a=~"{version}"}', 'up{a=~"1\\\\.0\\\\+\\\\|b"}'),
        ("up{a !~ `{version}.*`}", 'up{a !~ "1\\\\.0\\\\+\\\\|b.*"}'),
        ("up{a=~ # one\n'[{version}]'}", "up{a=~ # one\n'[1\\\\.0\\\\+\\\\|b]'}"),
        ('up{a=~"x", b="{version}"}', 'up{a=~"x", b="1.0+|b"}'),
        (
            'label_replace(up, "a", "{version}", "b", "{version}")',
            'label_replace(up, "a", "1.0+|b", "b", "1\\\\.0\\\\+\\\\|b")',
        ),
    ],
)
def test_a_regular_expression_matches_the_value_alone(query: str, filled: str) -> None:
    assert promql(query).fill(known("1.0+|b")) == filled


def test_a_replacement_does_not_take_a_value_for_a_group() -> None:
    assert promql('label_replace(up, "a", "$1{version}", "b", "(.*)")').fill(known("$1")).count("$1$$1") == 1


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("up{a={version}}", "write {version} between double quotes"),
        ('up{a="{version}", b={version}}', "write {version} between double quotes"),
        ("""up{a='"', b={version}, c='"'}""", "write {version} between double quotes"),
        ("up{a=`\\`, b={version}}", "write {version} between double quotes"),
        ('up # "\n{a={version}}', "write {version} between double quotes"),
        ('up{a="b"} # "{version}"', "{version} stands in a comment: leave it out"),
        ('up{a="\\{version}"}', "a string has a \\ that begins no escape of PromQL: write \\\\"),
        ('up{a="\\x4{version}"}', "a string has a \\ that begins no escape of PromQL: write \\\\"),
        ('up{a="{version}}', "a string has no end"),
        ('up{a="\n{version}"}', "a string has no end"),
        ('up{a=~"\\\\{version}"}', "a \\ stands before {version}: leave it out, values are quoted"),
        ("up{a=~`\\{version}`}", "a \\ stands before {version}: leave it out, values are quoted"),
        ('up{a=~"\\\\p{version}"}', "{version} would be read as a part of \\p: values are texts"),
        ("up{a!~`\\P{L{version}}`}", "{version} would be read as a part of \\P{L: values are texts"),
        ('up{a=~"\\\\x4{version}"}', "{version} would be read as a part of \\x4: values are texts"),
        ("up{a=~`\\x{{version}}`}", "{version} would be read as a part of \\x{: values are texts"),
        ("up{a=~`\\1{version}`}", "{version} would be read as a part of \\1: values are texts"),
        ('up{a=~"\\x5c\\160{version}"}', "{version} would be read as a part of \\p: values are texts"),
        ('up{a=~"(?{version})b"}', "{version} would be read as a part of (?: values are texts"),
        ('up{a=~"(?P<{version}>b)"}', "{version} would be read as a part of (?P<: values are texts"),
        ('up{a=~"b{{version}}"}', "{version} would be read as a part of {: values are texts"),
        (
            'label_replace(up, "a", "b", "c", "d{1,{version}}")',
            "{version} would be read as a part of {1,: values are texts",
        ),
        ('up{a=~"\\\\Q{version}\\\\E"}', "values are quoted: write them without \\Q and \\E"),
    ],
)
def test_a_place_where_no_value_is_safe_is_a_problem(query: str, problem: str) -> None:
    assert problem in promql(query).problems
    with pytest.raises(ValueError, match=r"."):
        promql(query).fill(known("1"))


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
