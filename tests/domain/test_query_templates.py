"""Values in queries: each keeps the structure that its author wrote."""

from typing import Any

import promql_parser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploydb.domain.promql import promql
from tests.domain.template_values import HOSTILE, known, values


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
