"""Characters that command a terminal, reorder a line or cannot be seen: none in names, an escape wherever people read.

They are Unicode's controls (C0, DEL, C1), format characters (bidirectional ones and those of no width among them), line
and paragraph separators, halves of surrogate pairs, noncharacters (XML has no U+FFFE and no U+FFFF), and what is
invisible by default (UAX 44, Default_Ignorable_Code_Point) or drawn as nothing. Letters, marks, digits and symbols of
every script are none of them.
"""

import re

_HIDDEN = (
    "\\x00-\\x1f\\x7f-\\x9f\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890-\\u0891\\u08e2\\u115f-\\u1160"
    "\\u17b4-\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ud800-\\udfff\\ufeff"
    "\\ufdd0-\\ufdef\\uffa0\\ufff0-\\ufffb\\ufffe-\\uffff\\U000110bd\\U000110cd\\U00013430-\\U0001343f"
    "\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
) + "".join(f"\\U{plane:04x}fffe-\\U{plane:04x}ffff" for plane in range(1, 17))
# a name has no blank but the plain one, and no variation selector: two that look alike would be two names
_NOT_IN_NAMES = f"{_HIDDEN}\\xa0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000\\ufe00-\\ufe0f"

_IN_NAMES = f"[^{_NOT_IN_NAMES}]*"
NAME = f"^[ -~]*+{_IN_NAMES}\\Z"
"""The pattern of a name. Most are ASCII, of which one range decides, and not forty for each character."""
PORTABLE_NAME = "^" + re.sub(r"\\ud800-\\udfff|\\U\w{8}(-\\U\w{8})?", "", _IN_NAMES) + "$"
"""The same in the dialect of JSON Schema, without what is beyond U+FFFF: each name fits it."""
_LONGEST_NAME = 255
_hidden = re.compile(f"[{_HIDDEN}]")
_not_in_names = re.compile(f"[{_NOT_IN_NAMES}]")


def visible(text: str, *, keep: str = "\n\t") -> str:
    """The text with `\\x1b`, `\\u202e` in the place of each such character, but for those in `keep`."""
    return _hidden.sub(lambda found: found[0] if found[0] in keep else _escaped(ord(found[0])), text)


def in_one_line(text: str) -> str:
    """As `visible`, with the ends of lines and the tabs: a text of others that is a part of a line of ours."""
    return visible(text, keep="")


def visible_in_json(document: str) -> str:
    """A JSON document that has none of them outside its layout, and the same value."""
    return _hidden.sub(lambda found: found[0] if found[0] in "\n\t" else _as_json(found[0]), document)


def encoded_visibly(document: bytes) -> bytes:
    """The same of a document in UTF-8, as msgspec encodes it: fast where there is nothing to do."""
    return document if document.isascii() and b"\x7f" not in document else visible_in_json(document.decode()).encode()


def has_hidden(text: str) -> bool:
    """Whether any is in the text; a tab or the end of a line is one, too."""
    return _hidden.search(text) is not None


def not_allowed(name: str) -> str | None:
    """`U+202E is not allowed`, of the first character that no name may have; None where there is none."""
    found = _not_in_names.search(name)
    return f"U+{ord(found[0]):04X} is not allowed" if found is not None else None


def is_name(text: str) -> bool:
    """Whether facts take it as a name."""
    return 0 < len(text) <= _LONGEST_NAME and not_allowed(text) is None


def _escaped(number: int) -> str:
    if number < 0x100:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(chr(number), f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _as_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
