"""Names with invisible characters are rejected by the field; comments and URLs are kept unchanged."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from deploydb.domain.model.artifact import Coordinate, Name
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.override_facts import HoldId
from tests.wire.given import FACTS, FINISHED, finished, published, take

HIDDEN = ("\x1b", "\x7f", "\x9b", "\x85", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\u200b", "\u3164", "\n")
BASE = {
    "id": "1",
    "source": "s",
    "deployment": 1,
    "service": "foo",
    "environment": "dev",
    "version": "1",
    "promotion": "smoke",
    "by": "alice",
    "reason": "why",
    "kind": "pin",
    "signer": "ci",
    "artifact": {"group": "g", "name": "n", "version": "1", "digest": "sha256:1"},
}
OUTCOME = {"deployment.finished": "succeeded", "verification.finished": "passed"}


def names(struct: type[msgspec.Struct], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of the fields that identify something."""
    encoded = {one.name: one.encode_name for one in msgspec.structs.fields(struct)}
    hints = get_type_hints(struct, include_extras=True)
    for field, hint in ((encoded[name], hint) for name, hint in hints.items() if name in encoded):
        kinds = [kind for kind in (hint, *get_args(hint)) if get_origin(kind) is Annotated or isinstance(kind, type)]
        if field in ("purl", "kind") or (field == "artifact" and Coordinate in kinds):
            continue
        if any(kind in (Name, Coordinate, HoldId) for kind in kinds):
            yield (*at, field)
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                yield from names(kind, (*at, field))


CASES = [(kind, path) for kind in FACTS for path in names(kind)]


@pytest.mark.parametrize(
    ("kind", "path"), CASES, ids=lambda part: part.__name__ if isinstance(part, type) else ".".join(part)
)
def test_a_name_with_a_hidden_character_is_refused_by_its_field(kind: Any, path: tuple[str, ...]) -> None:
    tag = kind.__struct_config__.tag
    for character in HIDDEN:
        body = msgspec.json.decode(msgspec.json.encode(BASE | {"type": tag}))
        if Coordinate in get_args(get_type_hints(kind, include_extras=True).get("artifact")):
            del body["artifact"]
        body |= {"outcome": OUTCOME[tag]} if tag in OUTCOME else {}
        inside = body
        for step in path[:-1]:
            inside = inside[step]
        wrong = f"1.0{character}2"
        inside[path[-1]] = [wrong] if path[-1] == "skip" else wrong
        with pytest.raises(MessageRejected) as refused:
            take(msgspec.json.encode(body))
        assert refused.value.path.removesuffix("[0]") == "$." + ".".join(path)
        assert refused.value.reason == f"U+{ord(character):04X} is not allowed"


def test_comments_and_urls_are_kept_unchanged() -> None:
    words = "".join(HIDDEN)
    fact = take(finished(outcome="failed", reason=words, url=f"https://x/{words}"))
    assert (fact.reason, fact.url) == (words, f"https://x/{words}")
    assert FINISHED["type"] == "deployment.finished"


def test_letters_of_every_script_are_good_names() -> None:
    for name in ("Zoë", "名前", "שלום", "e\u0301", "O’Brien"):
        assert take(published(source=name, artifact={"group": name, "name": name, "version": name})).source == name
