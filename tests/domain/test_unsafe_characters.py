"""Hidden characters: every one that Unicode has is none of a name's, and is shown as an escape."""

import json
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from deploydb.domain.unsafe_characters import encoded_visibly, has_hidden, not_allowed, visible, visible_in_json

HIDDEN = st.characters(categories=["Cc", "Cf", "Zl", "Zp"])
ANY = HIDDEN | st.characters(exclude_categories=["Cs"])
INVISIBLE = "\u034f\u115f\u1160\u17b4\u180b\u2800\u3164\uffa0\U000e0100"
"""Letters, marks and a symbol that are drawn as nothing."""


def test_each_character_of_unicodes_categories_is_hidden_and_in_no_name() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        category = unicodedata.category(character)
        is_noncharacter = number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF
        if category in ("Cc", "Cf", "Cs", "Zl", "Zp") or character in INVISIBLE or is_noncharacter:
            assert has_hidden(character), hex(number)
            assert not_allowed(f"a{character}b") == f"U+{number:04X} is not allowed"
        elif category[0] in "LNPS" or category in ("Mc", "Me"):
            assert not has_hidden(character), hex(number)
            assert not_allowed(character) is None, hex(number)


def test_names_of_every_script_are_names() -> None:
    for name in ("Zoë", "名前", "Ωmega", "Đorđe", "שלום", "محمد", "O’Brien", "नमस्ते", "e\u0301", "🚀 1.0", "a b"):
        assert not_allowed(name) is None
        assert visible(name) == name


@given(st.text(ANY))
def test_nothing_hidden_is_left_and_the_rest_is_as_it_was(text: str) -> None:
    shown = visible(text, keep="")
    assert not has_hidden(shown)
    assert visible(shown, keep="") == shown
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in shown)


@given(st.recursive(st.text(ANY), lambda inside: st.dictionaries(st.text(HIDDEN), inside)))
def test_json_keeps_its_value(value: object) -> None:
    document = json.dumps(value, ensure_ascii=False, indent=2)
    assert json.loads(visible_in_json(document)) == value
    assert not has_hidden(visible_in_json(document).replace("\n", ""))


@given(st.text(ANY, min_size=1).filter(lambda text: text.isprintable() is False))
def test_bytes_of_json_keep_their_value(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    document = json.dumps(text, ensure_ascii=False).encode()
    assert json.loads(encoded_visibly(document)) == text


def test_escapes_are_those_that_people_know() -> None:
    assert visible("\x1b[31m\x9b\u202e\U000e0001\r\n\t") == "\\x1b[31m\\x9b\\u202e\\U000e0001\\r\n\t"
    assert visible("a\nb", keep="") == "a\\nb"
