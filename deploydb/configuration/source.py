"""YAML text → values with their places.

Plain YAML surprises people: `10:00` is 600, `1.10` is 1.1, `on` is true, and of two equal keys the last wins. Here only
true, false, null and whole numbers are more than text, and equal keys are a problem. Anchors, aliases and tags are
refused; so are files that expand without end.

Values are made of the parser's events, not by PyYAML's composer: it recurses in C, and a deep file ends the process.
libyaml parses where PyYAML was built with it.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from deploydb.configuration.problems import LONGEST_MESSAGE, Problem
from deploydb.domain.suggestions import shown

Path = tuple[str | int, ...]
"""Where a value is in its document: keys and indexes from the top."""

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
"""One way to write each number, so that a name which looks like one is kept: `007` and `+7` are text."""
# Unprintable by YAML. The parser would refuse it without a place.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class Source(Struct, kw_only=True):
    """One file's value, with the place of each key and value in it, and its problems. `missing`: the names in it of
    objects that have no file, which stop the services that need them alone.

    `readable`: whether there is a value; an empty file's is None.
    """

    path: str
    text: str = ""
    value: Any = None
    readable: bool = True
    places: dict[Path, tuple[int, int]] = {}
    keys: dict[Path, tuple[int, int]] = {}
    problems: list[Problem] = []
    missing: list[Problem] = []
    warnings: list[Problem] = []
    reported: set[tuple[Path, bool]] = set()

    def problem(self, at: Path, message: str, *, key: bool = False) -> None:
        """Report a problem of the value at a path, or of its key. A missing value has the place of its parent.

        The first problem of a value counts: further ones follow from it, and are left out.
        """
        self._report(self.problems, at, message, key=key)

    def lacks(self, at: Path, message: str, *, key: bool = False) -> None:
        """As `problem`, for the name of an object that has no file."""
        self._report(self.missing, at, message, key=key)

    def warn(self, at: Path, message: str) -> None:
        """Report what is probably wrong, and no problem, at the value of a path, or of its parent."""
        while at and at not in self.places:
            at = at[:-1]
        self._note(self.warnings, self.places.get(at, (1, 1)), message)

    def note(self, place: tuple[int, int], message: str) -> None:
        """Report a problem at a line and column."""
        self._note(self.problems, place, message)

    def _report(self, to: list[Problem], at: Path, message: str, *, key: bool) -> None:
        if (at, key) in self.reported:
            return
        self.reported.add((at, key))
        places = self.keys if key else self.places
        while at and at not in places:
            at, places = at[:-1], self.places
        self._note(to, places.get(at, (1, 1)), message)

    def _note(self, to: list[Problem], place: tuple[int, int], message: str) -> None:
        line, column = place
        to.append(Problem(path=self.path, line=line, column=column, message=shown(message, LONGEST_MESSAGE)))


def read_source(path: str, content: bytes) -> Source:
    """Parse a file. Problems are in `problems`; the value is then the part that could be parsed."""
    source = Source(path=path)
    try:
        source.text = _text(content)
        source.value = _Walk(source).document(source.text)
    except _Unreadable as unreadable:
        source.note(unreadable.place, str(unreadable))
        source.readable = False
    return source


class _Unreadable(Exception):
    """The text cannot be parsed from this place on."""

    def __init__(self, place: tuple[int, int], message: str) -> None:
        super().__init__(message)
        self.place = place


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _Unreadable((1, 1), f"is {len(content):,} bytes; a configuration file may have {MAX_BYTES:,}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        raise _Unreadable(_end(before), f"is not UTF-8: the byte 0x{content[error.start]:02x}") from error
    text = text.removeprefix("\ufeff")
    if odd := _UNPRINTABLE.search(text):
        raise _Unreadable(_end(text[: odd.start()]), f"the character U+{ord(odd[0]):04X} is not allowed")
    return text


def _end(text: str) -> tuple[int, int]:
    return text.count("\n") + 1, len(text) - text.rfind("\n")


class _Walk:
    """One walk over a file's events."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._events: Iterator[yaml.Event] = iter(())

    def document(self, text: str) -> Any:  # noqa: ANN401  # any YAML
        """The file's one value. Raises: _Unreadable, where it is not YAML."""
        self._events = yaml.parse(text, Loader=_PARSER)
        try:
            return self._document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            message = " ".join(filter(None, (error.context, error.problem)))
            raise _Unreadable(place, message or "is not YAML") from error
        except yaml.YAMLError as error:
            raise _Unreadable((1, 1), f"is not YAML: {shown(str(error))}") from error

    def _document(self) -> Any:  # noqa: ANN401
        value = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._source.note(_place(event), "a second document starts here: one object a file")
                    break
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, ())
        return value

    def _value(self, event: yaml.Event, at: Path) -> Any:  # noqa: ANN401
        if len(at) > MAX_DEPTH:
            raise _Unreadable(_place(event), f"is nested deeper than {MAX_DEPTH} levels")
        self._source.places[at] = _place(event)
        if isinstance(event, yaml.AliasEvent):
            self._source.problem(at, "aliases are not supported: write it out")
            return None
        if getattr(event, "anchor", None) is not None:
            self._source.problem(at, "anchors are not supported: write it out where it is needed")
        if (tag := getattr(event, "tag", None)) is not None:
            self._source.problem(at, f"the tag {shown(tag)} is not supported: write plain text")
        match event:
            case yaml.MappingStartEvent():
                return self._mapping(at)
            case yaml.SequenceStartEvent():
                return self._sequence(at)
            case yaml.ScalarEvent():
                return _scalar(event)
            case _:
                raise AssertionError(f"the parser gave {event}")  # it gives no fifth kind of node

    def _sequence(self, at: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*at, len(found))))
        return found

    def _mapping(self, at: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent) or key.anchor is not None or key.tag is not None:
                self._source.note(_place(key), "a key must be plain text")
                self._skip(key, at)
                self._skip(next(self._events), at)
                continue
            here = (*at, str(key.value))
            if key.value in found:
                first = self._source.keys[here][0]
                self._source.note(_place(key), f"{shown(key.value)} is here twice; the first is in line {first}")
                self._skip(next(self._events), at)
                continue
            self._source.keys[here] = _place(key)
            found[key.value] = self._value(next(self._events), here)
        return found

    def _skip(self, event: yaml.Event, at: Path) -> None:
        """Skip a value that has no place in the document."""
        depth = len(at)
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth == len(at):
                return
            event = next(self._events)


def _scalar(event: yaml.ScalarEvent) -> str | int | bool | None:
    text = str(event.value)
    if not event.implicit[0]:  # in quotes, or a block: text, whatever it looks like
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
