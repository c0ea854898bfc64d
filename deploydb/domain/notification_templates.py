"""Bodies of webhooks by a template of the configuration (Jinja2), and what is wrong with one.

Who writes a template may not reach further than the notification, nor keep `notify` busy. So the language is a part of
Jinja2's: values, filters that make no text much longer, `if`, and `for` over the lists alone, not within each other.
There are no calls, no assignments, and no operators but comparisons and `~`. The sandbox stands behind that.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any

import msgspec
from jinja2 import StrictUndefined, Template, TemplateRuntimeError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import htmlsafe_json_dumps
from msgspec import UNSET, Struct
from msgspec.structs import replace

from deploydb.domain.formatting import error_text
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import Notification, NotificationType
from deploydb.domain.notification_examples import example_of
from deploydb.domain.notification_words import details, headline

MOST_TEXT = 8 * 1024
MOST_BODY = 256 * 1024
MOST_FILTERS = 3
"""One after another."""
MOST_VALUE = 2000
"""Characters of a text of a notification: the rest is left out."""
_LONGEST_ARGUMENT = 100
_LARGEST_ARGUMENT = 10_000
FILTERS = (
    *("default", "first", "join", "last", "length", "lower", "string", "title", "tojson", "trim", "truncate", "upper"),
    "urlencode",
)
_THAT_KNOW_NONE = ("default", "string", "tojson")
LISTS = ("groups", "differences", "details")
"""What `for` goes through."""
_TESTS = ("defined", "none", "in", "eq", "ne", "equalto", "sameas", "string")
_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem),
    *(nodes.If, nodes.For, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Concat, nodes.Filter, nodes.Test, nodes.List, nodes.Tuple),
)
_HOSTILE = 'a "quoted" \\ text\nof {two} <lines>'


class TemplateProblem(ValueError):
    """What is wrong with a template, at a line of it."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def is_json(content_type: str) -> bool:
    """Whether a body of such a type has to be JSON."""
    return content_type.partition(";")[0].strip().lower().endswith(("/json", "+json"))


def render(text: str, content_type: str, notification: Notification, link: str) -> str:
    """The body for a notification. Raises: TemplateProblem."""
    template = _compiled(text)
    try:
        body = "".join(_bounded(template.generate(_values(notification, link))))
        body.encode()
    except TemplateProblem:
        raise
    except Exception as error:  # of a filter, of any type
        raise TemplateProblem(_line_of(error), error_text(error)) from error
    if "\0" in body:
        raise TemplateProblem(1, "makes a NUL character, which no database stores")
    if is_json(content_type):
        try:
            json.loads(body)
        except (ValueError, RecursionError) as error:
            raise TemplateProblem(1, f"makes no JSON: {error}; write {{{{ reason | tojson }}}} for a text") from error
    return body


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MOST_BODY:
            raise TemplateProblem(1, f"makes more than {MOST_BODY:,} characters")
        yield piece


def check(text: str, content_type: str, types: tuple[NotificationType, ...]) -> None:
    """Try a template with an example of each type: with all that it may have, with as little as it may have, and with
    texts that have quotes and line ends. Raises: TemplateProblem, which names the type."""
    _compiled(text)
    for type_ in types:
        whole = example_of(type_)
        for example in (whole, _hostile(whole), _bare(whole)):
            try:
                render(text, content_type, example, "https://deploydb.example.com/flows/3")
            except TemplateProblem as problem:
                raise TemplateProblem(problem.line, f"of {type_}: {problem}") from problem


@lru_cache(256)
def _compiled(text: str) -> Template:
    """Raises: TemplateProblem."""
    if len(text) > MOST_TEXT:
        raise TemplateProblem(1, f"has {len(text):,} characters; a template may have {MOST_TEXT:,}")
    try:
        tree = _ENVIRONMENT.parse(text)
        _require_plain(tree)
        return _ENVIRONMENT.from_string(tree)
    except TemplateProblem:
        raise
    except TemplateSyntaxError as error:
        raise TemplateProblem(error.lineno, error.message or "is no template") from error
    except (RecursionError, MemoryError, SyntaxError) as error:  # SyntaxError: of the Python that Jinja2 makes of it
        raise TemplateProblem(1, "is nested too deeply") from error
    except ValueError as error:  # such as a number with thousands of digits
        raise TemplateProblem(1, error_text(error)) from error


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, finalize=_shown)
    made.globals.clear()
    own = {"default": _default, "join": _join, "tojson": _tojson}
    made.filters = {
        name: _limited({**made.filters, **own}[name], knows_none=name in _THAT_KNOW_NONE) for name in FILTERS
    }
    made.tests = {name: made.tests[name] for name in _TESTS}
    return made


def _limited(filter_: Callable[..., Any], *, knows_none: bool) -> Callable[..., Any]:
    """A filter whose result is no longer than a body: the next one would make more of it. Of what is not there it has
    the empty text, unless it `knows_none`."""

    @wraps(filter_)  # with the mark by which Jinja2 passes it the environment
    def limited(*given: object) -> object:
        first = int(isinstance(given[0], ImmutableSandboxedEnvironment))
        value = given[first] if knows_none else _shown(given[first])
        result = filter_(*given[:first], value, *given[first + 1 :])
        if isinstance(result, str):
            _require_short(len(result))
        return result

    return limited


def _require_short(size: int) -> None:
    """Raises: TemplateRuntimeError."""
    if size > MOST_BODY:
        raise TemplateRuntimeError(f"makes more than {MOST_BODY:,} characters")


def _shown(value: object) -> object:
    """What is not there is shown as nothing."""
    return "" if value is None else value


def _default(value: object, other: object) -> object:
    """A field that a notification lacks is none, not undefined."""
    return other if _known(value) in (None, "") else value


def _join(value: object, between: str = "") -> str:
    """Of a list: Jinja2's own takes the characters of a text as well, and so makes a text many times as long."""
    if not isinstance(value, list | tuple):
        raise TemplateRuntimeError("join is for lists, such as groups")
    texts = [str(_shown(one)) for one in value]
    _require_short(sum(map(len, texts)) + len(str(between)) * len(texts))
    return str(between).join(texts)


def _tojson(value: object) -> str:
    return str(htmlsafe_json_dumps(_known(value)))


def _known(value: object) -> object:
    """Raises: UndefinedError, with the name."""
    return str(value) if isinstance(value, StrictUndefined) else value


_ENVIRONMENT = _environment()


def _require_plain(tree: nodes.Node, *, looping: bool = False, filters: int = 0) -> None:
    """Raises: TemplateProblem for what is not a part of the language."""
    if not isinstance(tree, _PLAIN):
        raise TemplateProblem(tree.lineno or 1, f"{_named(tree)} is not supported: write values, filters, if and for")
    if isinstance(tree, nodes.For):
        if looping:
            raise TemplateProblem(tree.lineno, "a for within a for is not supported")
        if not isinstance(tree.iter, nodes.Name) or tree.iter.name not in LISTS or tree.recursive:
            raise TemplateProblem(tree.lineno, f"for goes through one of {', '.join(LISTS)}")
    if isinstance(tree, nodes.Filter):
        _require_small(tree)
    filters = filters + 1 if isinstance(tree, nodes.Filter) else 0
    if filters > MOST_FILTERS:
        raise TemplateProblem(tree.lineno, f"has more than {MOST_FILTERS} filters after another")
    for child in tree.iter_child_nodes():
        _require_plain(child, looping=looping or isinstance(tree, nodes.For), filters=filters)


def _require_small(tree: nodes.Filter) -> None:
    """Arguments decide how much longer a filter makes a text. Raises: TemplateProblem."""
    if tree.kwargs or tree.dyn_args or tree.dyn_kwargs or (tree.args and tree.name == "tojson"):
        raise TemplateProblem(tree.lineno, f"{tree.name} takes no such arguments here")
    for one in tree.args:
        given = one.value if isinstance(one, nodes.Const) else None
        small = len(given) <= _LONGEST_ARGUMENT if isinstance(given, str) else (given or 0) <= _LARGEST_ARGUMENT
        if tree.name != "default" and not (isinstance(one, nodes.Const) and small):
            raise TemplateProblem(
                tree.lineno,
                f"{tree.name} takes texts of at most {_LONGEST_ARGUMENT} characters and numbers up to "
                f"{_LARGEST_ARGUMENT:,}",
            )


def _named(tree: nodes.Node) -> str:
    return "a call" if isinstance(tree, nodes.Call) else type(tree).__name__.lower()


def _values(notification: Notification, link: str) -> Mapping[str, Any]:
    """All fields of a notification: those that it lacks are none, or empty lists."""
    names = zip(notification.__struct_fields__, notification.__struct_encode_fields__, strict=True)
    fields = {name: _plain(getattr(notification, name)) for name, _ in names}
    artifact = notification.artifact
    return fields | {
        "version": artifact.version if artifact is not None else notification.version,
        "artifact": _plain(artifact) if artifact is not None else dict.fromkeys(Artifact.__struct_fields__),
        "details": list(details(notification).items()),
        "headline": headline(notification),
        "link": link,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401  # any field
    if isinstance(value, Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, str):
        return value[:MOST_VALUE]
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return None if value is UNSET else msgspec.to_builtins(value)


def _hostile(example: Notification) -> Notification:
    artifact = example.artifact
    if artifact is not None:
        artifact = replace(artifact, version=_HOSTILE, name=_HOSTILE)
    changed = {name: _HOSTILE for name in ("by", "version", "hold", "url") if getattr(example, name) is not None}
    return replace(example, reason=_HOSTILE, artifact=artifact, differences=(_HOSTILE,), **changed)


def _bare(example: Notification) -> Notification:
    """Without what not every notification of the type has."""
    scope = ("service", "environment", "hold") if example.type in ("hold.placed", "hold.lifted") else ()
    absent = ("flow", "url", "until", "begins", "version", *scope)
    return replace(example, reason="", groups=(), differences=(), **dict.fromkeys(absent))


def _line_of(error: BaseException) -> int:
    """The line of the template at which it happened: Jinja2 writes it into the traceback."""
    lines = [line for name, line in _frames(error) if name == "<template>"]
    return lines[-1] if lines else 1


def _frames(error: BaseException) -> Iterator[tuple[str, int]]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
