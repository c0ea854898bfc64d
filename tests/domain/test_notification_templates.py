"""Templates of webhooks: what they may say, and that none reaches further or keeps `notify` busy."""

import json
import re
import time
import tracemalloc

import pytest
from msgspec.structs import replace

from deploydb.domain.model.commands import NotificationType
from deploydb.domain.model.webhooks import TYPES
from deploydb.domain.notification_examples import example_of
from deploydb.domain.notification_templates import MOST_TEXT, TemplateProblem, check, render

PAGE = "https://deploydb.test/flows/3"


def text(template: str, type_: str = "deployment.failed") -> str:
    return render(template, "text/plain", example_of(type_), PAGE)  # type: ignore[arg-type]


def test_fields_words_and_lists_are_there() -> None:
    assert text("{{ headline }} {{ link }}") == f"storefront 1.4.2 failed in prod {PAGE}"
    assert text("{% for name, value in details %}{{ name }}={{ value }};{% endfor %}") == (
        "Then=rollback;Run=https://ci.example.com/7;"
    )
    assert text("{{ groups | join(' or ') }}", "approval.wanted") == "sre"
    assert text("{{ version }} {{ artifact.name }}{{ artifact.digest }}") == "1.4.2 storefront"
    assert text("{{ version }}{{ artifact.name }}", "hold.placed") == ""
    assert text("{% if by %}{{ by }}{% else %}none{% endif %} {{ by | default('?') }}") == "none ?"


def test_a_text_with_quotes_is_json_all_the_same() -> None:
    check('{"text": {{ reason | tojson }}, "of": {{ details | tojson }}}', "application/json", TYPES)
    body = render('{"a": {{ by | tojson }}, "b": {{ until | tojson }}}', "a/b+json", example_of("hold.placed"), PAGE)
    assert json.loads(body) == {"a": "alice", "b": "2026-01-02T06:00:00Z"}


@pytest.mark.parametrize(
    ("template", "line", "problem"),
    [
        ("a\n{{ nothing }}", 2, "'nothing' is undefined"),
        ("a\n\n{{ headline.x.y }}", 3, "has no attribute 'x'"),
        ("{% if a %}", 1, "Unexpected end of template"),
        ("{{ a | b }}", 1, "No filter named 'b'"),
        ("{{ ''.__class__ }}", 1, "is unsafe"),
        ("{{ reason.upper() }}", 1, "a call is not supported"),
        ("\n{{ lipsum(9) }}", 2, "a call is not supported"),
        ("{{ 'x' * 99 }}", 1, "mul is not supported"),
        ("{{ 2 ** 99 }}", 1, "pow is not supported"),
        ("{{ '%9d' % 1 }}", 1, "mod is not supported"),
        ("{% set x = 1 %}", 1, "assign is not supported"),
        ("{% include 'x' %}", 1, "include is not supported"),
        ("{% macro m() %}{% endmacro %}", 1, "macro is not supported"),
        ("{% for a in reason %}{% endfor %}", 1, "for goes through one of groups, differences, details"),
        ("{% for a in groups %}{% for b in groups %}{% endfor %}{% endfor %}", 1, "a for within a for"),
        ("{% for a in groups recursive %}{% endfor %}", 1, "for goes through one of"),
        ("{{ reason | tojson(999999) }}", 1, "tojson takes no such arguments"),
        ("{{ groups | join(reason) }}", 1, "join takes texts of at most 100 characters"),
        ("{{ reason | truncate(99999999) }}", 1, "truncate takes texts of at most 100 characters and numbers up to"),
        ("{{ reason | upper | upper | upper | upper }}", 1, "more than 3 filters"),
        (f"{{{{ {'not ' * 2000}reason }}}}", 1, "nested too deeply"),
        ("{% if reason %}" * 120 + "{% endif %}" * 120, 1, "nested too deeply"),
        (f"{{{{ {'9' * 5000} }}}}", 1, "ValueError"),
        ("\n{{ reason | truncate(2) }}", 2, "AssertionError: expected length >= 3, got 2"),
        ("\n{{ reason | join('x') }}", 2, "join is for lists"),
        ("{{ '\\ud800' }}", 1, "UnicodeEncodeError"),
        ("{{ '\\0' }}", 1, "a NUL character"),
        ("x" * (MOST_TEXT + 1), 1, "a template may have 8,192"),
    ],
)
def test_what_is_wrong_has_its_line(template: str, line: int, problem: str) -> None:
    with pytest.raises(TemplateProblem, match=re.escape(problem)) as caught:
        check(template, "text/plain", ("deployment.failed", "approval.wanted"))
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("type_", "field"),
    [
        ("rollback.requested", "version"),
        ("rollback.refused", "version"),
        ("hold.placed", "service"),
        ("hold.placed", "environment"),
        ("hold.lifted", "hold"),
    ],
)
def test_a_template_is_tried_without_what_a_notification_may_lack(type_: NotificationType, field: str) -> None:
    with pytest.raises(TemplateProblem, match=f"of {type_}: UndefinedError: 'nothing' is undefined"):
        check(f"{{{{ {field} or nothing }}}}", "text/plain", (type_,))


def test_a_filter_of_what_is_not_there_has_the_empty_text() -> None:
    filters = ("lower", "title", "trim", "truncate(9)", "truncate(9, true, '', none)", "upper", "urlencode")
    assert [text(f"{{{{ by | {one} }}}}") for one in filters] == [""] * len(filters)
    assert text("{{ by | length }} {{ by | tojson }} {{ by | default('?') | upper }}") == "0 null ?"


def test_lists_nested_too_deeply_are_no_json() -> None:
    with pytest.raises(TemplateProblem, match="makes no JSON"):
        check("[" * 4000, "application/json", ("deployment.failed",))


def test_no_filter_makes_more_than_a_body() -> None:
    notification = replace(example_of("configuration.changed"), differences=("%" * 2000,) * 100, reason="x" * 2000)
    again = f" | join('{'x' * 100}')"
    tracemalloc.start()
    try:
        for template in (f"differences{again} | urlencode | length", f"[{'differences | join, ' * 2}] | join | length"):
            with pytest.raises(TemplateProblem, match="makes more than 262,144 characters"):
                render(f"{{{{ {template} }}}}", "text/plain", notification, PAGE)
        with pytest.raises(TemplateProblem, match="join is for lists"):
            render(f"{{{{ reason{again * 3} }}}}", "text/plain", notification, PAGE)
        assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["title", "urlencode", "tojson"])
def test_the_largest_template_is_soon_refused(name: str) -> None:
    notification = example_of("configuration.changed")
    long = replace(notification, reason='"<' * 9000, differences=("x",) * 100)
    once = f"reason | {name} | {name} | {name}"
    most = MOST_TEXT // (len(once) + 3) - 3
    template = f"{{% for one in differences %}}{{{{ {' ~ '.join([once] * most)} }}}}{{% endfor %}}"
    began = time.process_time()
    with pytest.raises(TemplateProblem, match="makes more than 262,144 characters"):
        render(template, "text/plain", long, PAGE)
    assert time.process_time() - began < 5
