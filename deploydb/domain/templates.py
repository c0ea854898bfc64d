"""Texts with places for what is deployed: `https://example.com/check?version={version}`.

A publisher chooses most of the values, a rule's author chooses the text around them. So each value is written for where
its place stands, and a place where no value can be written safely is a problem of the template.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from urllib.parse import quote, unquote, urlsplit

import msgspec
from msgspec import Struct

from deploydb.domain.model.deployment import Deployment
from deploydb.domain.suggestions import shown

PLACES = ("service", "environment", "version", "deployment", "group", "name", "digest", "commit")
"""What may stand in braces. Braces around anything else are left alone: PromQL and JSON have braces of their own."""

_CONFIGURED = ("service", "environment")
"""Their values are chosen by the configuration, of letters, digits, `.`, `-` and `_`; the others' by publishers."""
_WORD = re.compile(r"\{([a-z_]+)\}")
PLACE = re.compile(rf"\{{({'|'.join(PLACES)})\}}")
URL = re.compile(r"https?://([^\s/?#]+)\S*")
"""http or https, with a host, which is its first group."""
_URL = re.compile(r"(https?://)([^/?#]*)([^?#]*)(.*)", re.DOTALL)

Quote = Callable[[str], str]
"""Writes a value so that it stays within its place."""


class Slot(Struct, frozen=True):
    """A place, and how its value is written there."""

    name: str
    quote: Quote


class Template(Struct, frozen=True):
    """A text in pieces. With `problems`, it may not be filled."""

    pieces: tuple[str | Slot, ...]
    problems: tuple[str, ...] = ()

    def fill(self, known: Deployment) -> str:
        """The text for one deployment; what is not known is empty. Raises: ValueError with the first problem."""
        artifact = known.release.artifact
        values = {
            "service": known.service,
            "environment": known.environment,
            "version": artifact.version,
            "deployment": str(known.id),
            "group": artifact.group,
            "name": artifact.name,
            "digest": artifact.digest or "",
            "commit": artifact.commit or "",
        }
        return self.fill_with(values)

    def fill_with(self, values: Mapping[str, str]) -> str:
        """The text with these values, one for each place. Raises: ValueError with the first problem."""
        if self.problems:
            raise ValueError(self.problems[0])
        return "".join(piece if isinstance(piece, str) else piece.quote(values[piece.name]) for piece in self.pieces)


def address_problem(text: str, *, may_have_user: bool = False) -> str | None:
    """Why a configured text is no http or https address, or has a user before its host; None where it is right."""
    found = URL.fullmatch(text)
    try:
        urlsplit(text)
    except ValueError:  # such as brackets around no IPv6 address; what reads the address later would raise it again
        found = None
    if found is None:
        return f"{shown(text)} is no http or https address"
    if "@" in found[1] and not may_have_user:
        return "has a name or a password in it: configuration is no place for secrets"
    return None


def unknown_places(template: str, places: tuple[str, ...] = PLACES) -> list[str]:
    """The words in braces that stand for nothing, in their order."""
    return [name for name in _WORD.findall(template) if name not in places]


def plain(text: str, places: tuple[str, ...]) -> Template:
    """A template of a value that is quoted later, as a whole."""
    return Template(tuple(_slots(text, str, _place(places))))


def url(text: str, places: tuple[str, ...] = PLACES) -> Template:
    """A template of an http or https URL: values are percent-encoded, and none becomes part of the port."""
    place = _place(places)
    parts = _URL.fullmatch(text)
    if parts is None:
        return Template((text,), ("is no http or https address",))
    scheme, authority, path, rest = parts.groups()
    problems = [
        f"the publisher of a version would choose the host by {{{name}}}: put it into the path"
        for name in dict.fromkeys(place.findall(authority))
        if name not in _CONFIGURED
    ]
    port = authority.rpartition("]")[2].partition(":")[2]
    problems += [f"a port cannot be {{{name}}}: put it into the path" for name in place.findall(port)]
    if has_dot_segment(path):
        problems.append("has the path segment . or ..: write the path that is meant")
    pieces = _slots(authority + path + rest, percent_encoded, place)
    return Template((scheme, *pieces), (*problems, *_cut_percents(text, place)))


def body(text: str, headers: Iterable[tuple[str, str]], places: tuple[str, ...] = PLACES) -> Template:
    """A template of a request's body, in the language that its headers name; JSON where they name none."""
    place = _place(places)
    if place.search(text) is None:
        return Template((text,))
    named = [value for name, value in headers if name.lower() == "content-type"]
    kind = named[-1].partition(";")[0].strip().lower() if named else "application/json"
    if kind.endswith(("/json", "+json")):
        return _json(text, place)
    if kind == "application/x-www-form-urlencoded":
        return Template(tuple(_slots(text, percent_encoded, place)), tuple(_cut_percents(text, place)))
    if kind == "text/plain":
        return Template(tuple(_slots(text, json_escaped, place)))  # which leaves no line's end in a value
    problem = f"cannot be put into {kind}: expected JSON, application/x-www-form-urlencoded or text/plain"
    return Template((text,), tuple(f"{{{name}}} {problem}" for name in place.findall(text)))


@cache
def _place(places: tuple[str, ...]) -> re.Pattern[str]:
    """One of these words in braces."""
    return re.compile(rf"\{{({'|'.join(places)})\}}")


def _json(text: str, place: re.Pattern[str]) -> Template:
    """Values stand in strings, the number of the deployment anywhere."""
    pieces: list[str | Slot] = []
    problems: list[str] = []
    inside = False
    tokens = re.compile(rf'{place.pattern}|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{{4}})|.', re.DOTALL)
    for token in tokens.finditer(text):
        name, letter = token[1], token[0]
        if name is not None:
            pieces.append(Slot(name, json_escaped))
            if not inside and name != "deployment":
                problems.append(f"write {{{name}}} between double quotes: the body is JSON")
            continue
        if letter == '"':
            inside = not inside
        elif inside and letter == "\\":
            problems.append("a string has a \\ that begins no escape of JSON: write \\\\")
        elif inside and letter < " ":
            problems.append("a string goes over the end of a line: write \\n")
        pieces.append(letter)
    if inside:
        problems.append("a string has no end")
    return Template(tuple(pieces), tuple(problems))


def has_dot_segment(path: str) -> bool:
    """Whether a server may take a part of the path for `.` or `..`: before or after it decodes the path, with or
    without the parameters of a part, `..;x`."""
    return any(part.partition(";")[0] in (".", "..") for part in re.split(r"[/\\]", unquote(path)))


def percent_encoded(value: str) -> str:
    """The value as (a part of) one path segment, one query key or one query value."""
    return quote(value, safe="")


def json_escaped(value: str) -> str:
    """The value as a part of a JSON string."""
    return msgspec.json.encode(value).decode()[1:-1]


def _slots(text: str, quoting: Quote, place: re.Pattern[str]) -> Iterator[str | Slot]:
    """The pieces of a text that has one way of quoting."""
    end = 0
    for found in place.finditer(text):
        yield text[end : found.start()]
        yield Slot(found[1], quoting)
        end = found.end()
    yield text[end:]


def _cut_percents(text: str, place: re.Pattern[str]) -> Iterator[str]:
    """A value behind `%` would be read as a part of the encoding."""
    cuts = re.finditer(rf"%[0-9A-Fa-f]?(?={place.pattern})", text)
    return (f"has {cut[0]} before {{{cut[1]}}}: write %25 for a percent sign" for cut in cuts)
