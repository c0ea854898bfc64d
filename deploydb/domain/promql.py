"""PromQL with places for what is deployed: `sum(rate(errors{version="{version}"}[5m]))`.

Read as Prometheus' own lexer reads it (promql/parser/lex.go): strings in double quotes, single quotes and backticks,
each with escapes of its own or none, and comments. A value is written for the string that it stands in; where that
string is a regular expression, for that, too.
"""

import re
from collections.abc import Callable
from enum import Enum, auto

from deploydb.domain.templates import PLACE, Slot, Template

_TOKEN = re.compile(r"#[^\r\n]*|[A-Za-z_:][A-Za-z0-9_:.]*|\s+|.", re.DOTALL)
_CODES = r"[abfnrtv\\]|[0-7]{3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}"
_UNITS = {
    '"': re.compile(rf'{PLACE.pattern}|\\(?:"|{_CODES})|.', re.DOTALL),
    "'": re.compile(rf"{PLACE.pattern}|\\(?:'|{_CODES})|.", re.DOTALL),
    "`": re.compile(rf"{PLACE.pattern}|.", re.DOTALL),
}
"""What a string is made of, by its quotes: places, escapes, letters."""
_WHOLE_ESCAPE = re.compile(r"\\(?:x\{[^}]*\}|x[0-9A-Fa-f]{2}|[pP](?:\{[^}]*\}|[^{])|[0-7]{3}|[^xpP0-7])", re.DOTALL)
_CUT_SYNTAX = re.compile(
    r"\\(?:x(?:\{[^}]*|[0-9A-Fa-f]?)|[pP](?:\{[^}]*)?|[0-7]{0,2})\Z|\(\?[^:)>]*\Z|\{[0-9]*(?:,[0-9]*)?\Z"
)
"""What a value would be read as a part of, by RE2: an escape, the flags or the name of a group, a repetition."""
_REGEX_SIGNS = re.compile(r"[\\.+*?()|\[\]{}^$-]")


class _Role(Enum):
    """What PromQL takes a string for."""

    TEXT = auto()
    REGEX = auto()
    REPLACEMENT = auto()


_ROLES = {("label_replace", 2): _Role.REPLACEMENT, ("label_replace", 4): _Role.REGEX}
"""By function and number of the argument, from 0."""


def promql(text: str) -> Template:
    """The query as a template. A place outside of a string is a problem, as is a string that Prometheus cannot read."""
    return _Reading(text).template()


class _Reading:
    """One query, read from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._pieces: list[str | Slot] = []
        self._problems: list[str] = []
        self._open: list[tuple[str, int]] = [("", 0)]
        """Of each open bracket: the function, and which of its arguments is being read."""

    def template(self) -> Template:
        """Read it."""
        word, signs = "", ""
        while self._at < len(self._text):
            if self._text[self._at] in _UNITS:
                self._string(_Role.REGEX if signs in ("=~", "!~") else _ROLES.get(self._open[-1], _Role.TEXT))
                word, signs = "", ""
                continue
            if place := self._take(PLACE):
                self._problems.append(f"write {place} between double quotes")
                continue
            sign = self._take(_TOKEN)
            self._pieces.append(sign)
            if sign.startswith("#"):
                self._problems += [f"{{{name}}} stands in a comment: leave it out" for name in PLACE.findall(sign)]
            elif not sign.isspace():
                self._bracket(sign, word)
                word = sign if sign[0].isalpha() or sign[0] in "_:" else ""
                signs = (signs + sign)[-2:]
        return Template(tuple(self._pieces), tuple(self._problems))

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _bracket(self, sign: str, word: str) -> None:
        function, argument = self._open[-1]
        if sign == "(":
            self._open.append((word, 0) if word else (function, argument))  # around an argument they change nothing
        elif sign in ("{", "["):
            self._open.append(("", 0))
        elif sign in (")", "}", "]") and len(self._open) > 1:
            self._open.pop()
        elif sign == ",":
            self._open[-1] = (function, argument + 1)

    def _string(self, role: _Role) -> None:
        quotes = self._text[self._at]
        self._at += 1
        units: list[str] = []
        while (unit := self._take(_UNITS[quotes])) not in (quotes, ""):
            units.append(unit)
        raw = quotes == "`"
        if not unit or (not raw and "\n" in units):
            self._problems.append("a string has no end")
        if not raw and "\\" in units:
            self._problems.append("a string has a \\ that begins no escape of PromQL: write \\\\")
        filled = any(map(PLACE.fullmatch, units))
        if filled and role is _Role.REGEX:
            self._check_regex(units)
        if raw and filled:  # it has no escapes: written anew between double quotes
            quotes = '"'
            units = [unit if PLACE.fullmatch(unit) else _escaped(unit, quotes) for unit in units]
        quoting = _quoting(role, quotes)
        slots = [Slot(place[1], quoting) if (place := PLACE.fullmatch(unit)) else unit for unit in units]
        self._pieces += [quotes, *slots, quotes]

    def _check_regex(self, units: list[str]) -> None:
        regex = ""
        for unit in units:
            if not PLACE.fullmatch(unit):
                regex += _letter_of(unit)
                continue
            before = _WHOLE_ESCAPE.sub("e", regex)
            if before.endswith("\\"):
                self._problems.append(f"a \\ stands before {unit}: leave it out, values are quoted")
            elif cut := _CUT_SYNTAX.search(before):
                self._problems.append(f"{unit} would be read as a part of {cut[0]}: values are texts")
            regex += "v"
        if any(escape[0] == "\\Q" for escape in _WHOLE_ESCAPE.finditer(regex)):
            self._problems.append("values are quoted: write them without \\Q and \\E")


def _quoting(role: _Role, quotes: str) -> Callable[[str], str]:
    match role:
        case _Role.REGEX:
            return lambda value: _escaped(_REGEX_SIGNS.sub(r"\\\g<0>", value), quotes)
        case _Role.REPLACEMENT:
            return lambda value: _escaped(value.replace("$", "$$"), quotes)
        case _Role.TEXT:
            return lambda value: _escaped(value, quotes)


def _escaped(value: str, quotes: str) -> str:
    return "".join(_letter(letter, quotes) for letter in value)


def _letter_of(unit: str) -> str:
    """What a unit of a string stands for."""
    if len(unit) == 1:
        return unit
    try:
        return unit.encode("ascii").decode("unicode_escape")  # of the same escapes, and more
    except UnicodeDecodeError:  # beyond Unicode: Prometheus refuses it
        return "\ufffd"


def _letter(letter: str, quotes: str) -> str:
    """One letter within a string. U+FFFD is what Prometheus' lexer takes for broken UTF-8."""
    if letter in ("\\", quotes):
        return f"\\{letter}"
    if letter == "\n":
        return "\\n"
    if letter.isprintable() and letter != "\ufffd":
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) <= 0xFFFF else f"\\U{ord(letter):08x}"
