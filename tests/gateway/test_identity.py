"""Tokens are kept as hashes; a line that is wrong is named without saying what it holds."""

import pytest

from deploydb.domain.model.errors import Misconfigured
from deploydb.identity import Identity, Proxies, Tokens, hashed, new_token, token_line
from deploydb.settings import from_environment

ONE = hashed("one")
TWO = hashed("two")


def test_a_token_is_found_by_its_hash_with_its_scopes() -> None:
    tokens = Tokens.parse(f"# people\n\nalice read,approve {ONE}\n  bob  read  {TWO.upper()} \n")
    alice, bob = tokens.find("one"), tokens.find("two")
    assert alice is not None
    assert (alice.name, alice.scopes) == ("alice", {"read", "approve"})
    assert bob is not None
    assert (bob.name, bob.scopes) == ("bob", {"read"})
    for wrong in ("", "One", "one ", ONE, "three", "\ud800"):
        assert tokens.find(wrong) is None


def test_a_person_may_have_several_tokens() -> None:
    tokens = Tokens.parse(f"alice read {ONE}\nalice read {TWO}")
    assert [found.name for token in ("one", "two") if (found := tokens.find(token))] == ["alice", "alice"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("alice read", "SHA256HEX, as `deploydb token NAME` makes it, found 2 words"),
        (
            f"# x\nalice reed {ONE}",
            "line 2: alice has a scope that does not exist (reed): there is read, approve, write",
        ),
        (f"alice read, {ONE}", "line 1: alice has a scope that does not exist"),
        ("alice read ddb_secret", "line 1: alice is to be known by 64 hexadecimal digits: `deploydb token alice`"),
        (f"alice read {ONE}\nbob read {ONE}", "line 2: the token of an earlier line"),
        (f"{'x' * 201} read {ONE}", "line 1: the name has more than 200 characters"),
        (f"a\0b read {ONE}", "line 1: the name has more than 200 characters, or some that cannot be seen"),
    ],
)
def test_a_line_that_is_wrong_is_named(text: str, answer: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Tokens.parse(text)
    assert answer in str(refused.value)
    assert "ddb_secret" not in str(refused.value)


def test_a_token_that_we_make_is_known_by_its_line() -> None:
    token = new_token()
    line = token_line("alice", ["approve", "read"], token)
    assert line == f"alice read,approve {hashed(token)}"
    assert Tokens.parse(line).find(token) is not None
    assert token.startswith("ddb_")
    assert len(token) == 47
    assert token != new_token()


@pytest.mark.parametrize("name", ["", "a b", "#a", " a", "a\n", "x" * 201])
def test_a_name_that_no_line_could_hold_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured):
        token_line(name, ["read"], "token")


@pytest.mark.parametrize(
    ("header", "networks", "answer"),
    [
        ("X-User", "", "DEPLOYDB_PERSON_HEADER is X-User, and no proxy is trusted to set it"),
        ("X User", "10.0.0.1", "DEPLOYDB_PERSON_HEADER is 'X User'"),
        ("X-User", "10.0.0.1, proxy.example", "DEPLOYDB_PROXIES: proxy.example is neither an address nor a network"),
    ],
)
def test_proxies_that_cannot_be_are_refused(header: str, networks: str, answer: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Proxies.parse(header, networks)
    assert answer in str(refused.value)


def test_a_name_in_a_header_is_utf_8() -> None:
    proxies = Proxies.parse("X-User", "10.0.0.0/8")
    assert proxies.name("10.1.2.3", lambda _: ["Zo\xc3\xab"]) == "Zoë"
    assert proxies.name("10.1.2.3", lambda _: ["Zo\xeb"]) is None
    assert proxies.name("10.1.2.3", lambda _: [" Zoe\xcc\x88 "]) == "Zoë"
    assert proxies.name("11.1.2.3", lambda _: ["Zoe"]) is None
    assert proxies.name(None, lambda _: ["Zoe"]) is None


def test_without_settings_no_person_can_be_known() -> None:
    given = from_environment({})
    identity = Identity.parse(tokens=given.tokens, person_header=given.person_header, proxies=given.proxies)
    assert not identity
    assert given.read == "open"


def test_reads_are_open_or_by_token() -> None:
    assert from_environment({"DEPLOYDB_READ": "token"}).read == "token"
    with pytest.raises(Misconfigured, match="DEPLOYDB_READ is 'closed': expected open or token"):
        from_environment({"DEPLOYDB_READ": "closed"})
