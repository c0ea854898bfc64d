"""What a browser sends by itself counts only for a form of our own pages; who signs in is sent to a page of ours."""

import json

import pytest

from deploydb.identity import SESSION_COOKIE, hashed
from tests.gateway.given import ALICE, JENKINS, PROXY, SECRET, YES, Gateway, session

FORM = {**YES, "comment": "", "deployment": "1", "digest": "", "next": "/flows/1?at=x"}
JSON = {"content_type": "application/json", "prefer": "wait=0"}


def test_who_is_signed_in_approves_by_a_form_and_is_sent_back_to_the_page(asked: Gateway) -> None:
    answer = asked.submit("/api/approvals", FORM, signed_in=ALICE, sec_fetch_site="same-origin")
    assert (answer.status_code, answer.headers["location"]) == (303, "/flows/1?at=x")
    (fact,) = asked.received()
    assert (fact["type"], fact["by"], fact["deployment"]) == ("approval.given", "alice", 1)
    assert "comment" not in fact


def test_a_comment_with_markup_is_text(asked: Gateway) -> None:
    comment = "<script>alert(1)</script> & 'quotes'"
    assert asked.submit("/api/approvals", {**FORM, "comment": comment}, signed_in=ALICE).status_code == 303
    assert asked.ingest() == 1
    with asked.world.engine.connect() as connection:
        (body,) = connection.exec_driver_sql("SELECT body FROM event WHERE type = 'approval.given'").one()
    assert json.loads(body)["comment"] == comment


def test_an_error_of_a_form_is_a_page_with_all_text_escaped(asked: Gateway) -> None:
    fields = {**FORM, "service": "<script>alert(1)</script>"}
    answer = asked.submit("/api/approvals", fields, signed_in=ALICE, accept="text/html")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"secret": None}, "the form's field form"),
        ({"secret": "guessed"}, "the form's field form"),
        ({"secret": "", "cookie": ""}, "the form's field form"),
        ({"cookie": None}, "the form's field form"),
        ({"secret": "é"}, "the form's field form"),
        ({"sec_fetch_site": "cross-site"}, "Sec-Fetch-Site: cross-site"),
        ({"sec_fetch_site": "same-site"}, "Sec-Fetch-Site: same-site"),
        ({"sec_fetch_site": "none"}, "Sec-Fetch-Site: none"),
        ({"origin": "http://evil.example"}, "it comes from http://evil.example"),
        ({"origin": "http://deploydb.test.evil.example"}, "it comes from"),
        ({"origin": "null"}, "it comes from null"),
        ({"origin": "http://["}, "it comes from"),
    ],
)
@pytest.mark.parametrize("path", ["/api/approvals", "/api/retries", "/api/sessions", "/api/sessions/end"])
def test_a_form_of_another_site_does_nothing(asked: Gateway, path: str, sent: dict[str, str], why: str) -> None:
    answer = asked.submit(path, {**FORM, "token": ALICE}, signed_in=ALICE, **sent)
    assert answer.status_code == 403
    assert why in answer.json()["message"]
    assert "set-cookie" not in answer.headers
    assert asked.received() == []


@pytest.mark.parametrize("sent", [{"origin": "http://deploydb.test"}, {"sec_fetch_site": "same-origin"}, {}])
def test_a_form_of_ours_is_taken_from_old_browsers_too(asked: Gateway, sent: dict[str, str]) -> None:
    assert asked.submit("/api/approvals", FORM, signed_in=ALICE, **sent).status_code == 303


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 202),
        ({"sec_fetch_site": "same-origin"}, 202),
        ({"sec_fetch_site": "none"}, 202),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"content_type": "text/plain"}, 415),
    ],
)
def test_json_with_a_cookie_is_taken_from_our_own_site_alone(asked: Gateway, sent: dict[str, str], status: int) -> None:
    body = json.dumps(YES).encode()
    answer = asked.ask("/api/approvals", content=body, cookies={SESSION_COOKIE: session(ALICE)}, **{**JSON, **sent})
    assert answer.status_code == status


def test_a_program_that_sends_a_form_with_its_token_needs_no_page(asked: Gateway) -> None:
    fields = {name: value for name, value in FORM.items() if name != "next"}
    answer = asked.submit("/api/approvals", fields, secret=None, cookie=None, authorization=f"Bearer {ALICE}")
    assert (answer.status_code, answer.json()["by"]) == (202, "alice")


def test_a_proxy_says_who_a_person_is(asked: Gateway) -> None:
    answer = asked.at(PROXY).say(token=None, x_forwarded_user="bob", sec_fetch_site="same-origin")
    assert (answer.status_code, answer.json()["by"]) == (202, "bob")
    assert asked.at(f"::ffff:{PROXY}").say(token=None, x_forwarded_user="bob").status_code == 202
    named = asked.at("::1").ask(
        "/api/approvals",
        content=json.dumps(YES).encode(),
        lines=[("x-forwarded-user", "Zoë".encode().decode("latin-1"))],
        **JSON,
    )
    assert named.json()["by"] == "Zoë"


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.2", "::ffff:10.0.0.2", "testclient"])
def test_the_same_header_from_anywhere_else_means_nothing(asked: Gateway, peer: str) -> None:
    assert asked.at(peer).say(token=None, x_forwarded_user="bob").status_code == 401
    assert asked.at(peer).say(token=None, x_forwarded_user="bob", x_forwarded_for=PROXY).status_code == 401
    assert asked.received() == []


@pytest.mark.parametrize("names", [["bob", "alice"], [""], [" "], ["a\tb"], ["x" * 201]])
def test_a_name_that_is_none_or_that_is_given_twice_is_no_user(asked: Gateway, names: list[str]) -> None:
    lines = [("x-forwarded-user", name) for name in names]
    answer = asked.at(PROXY).ask("/api/approvals", content=json.dumps(YES).encode(), lines=lines, **JSON)
    assert answer.status_code == 401


def test_a_wrong_token_is_no_user_whatever_the_proxy_says(asked: Gateway) -> None:
    assert asked.at(PROXY).say(token="ddb_wrong", x_forwarded_user="bob").status_code == 401
    assert asked.at(PROXY).submit("/api/approvals", FORM, signed_in="gone", x_forwarded_user="bob").status_code == 303


def test_signing_in_gives_the_browser_a_session_and_not_the_token(asked: Gateway) -> None:
    answer = asked.submit("/api/sessions", {"token": f" {ALICE}\n", "next": "/flows/1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/flows/1")
    value, _, attributes = answer.headers["set-cookie"].removeprefix(f"{SESSION_COOKIE}=").partition("; ")
    assert attributes == "HttpOnly; Max-Age=43200; Path=/; SameSite=strict"
    assert ALICE not in value
    assert hashed(ALICE) not in value
    cookies = {SESSION_COOKIE: value}
    assert asked.ask("/api/approvals", content=json.dumps(YES).encode(), cookies=cookies, **JSON).status_code == 202


def test_the_cookie_is_kept_to_tls_where_the_browser_speaks_it(asked: Gateway) -> None:
    fields = {"token": ALICE, "next": "/"}
    by_proxy = asked.at(PROXY).submit("/api/sessions", fields, x_forwarded_proto="https")
    assert by_proxy.headers["set-cookie"].endswith("; Secure")
    pretended = asked.submit("/api/sessions", fields, x_forwarded_proto="https")
    assert "Secure" not in pretended.headers["set-cookie"]


def test_a_wrong_token_leads_back_to_the_page_and_gives_nothing(asked: Gateway) -> None:
    for token in ("ddb_wrong", "", ALICE[:-1], "x" * 3000, "é"):
        answer = asked.submit("/api/sessions", {"token": token, "next": "/flows/1?at=x&y"})
        assert answer.headers["location"] == "/sign-in?wrong=1&next=/flows/1%3Fat%3Dx%26y"
        assert "set-cookie" not in answer.headers


def test_too_many_wrong_tokens_wait_and_the_right_one_does_not(asked: Gateway) -> None:
    answers = [asked.submit("/api/sessions", {"token": "wrong"}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [303] * 20 + [429]
    assert asked.at("127.0.0.2").submit("/api/sessions", {"token": "wrong"}).status_code == 303
    assert "set-cookie" in asked.submit("/api/sessions", {"token": ALICE}).headers


def test_signing_out_takes_the_cookie_away(asked: Gateway) -> None:
    answer = asked.submit("/api/sessions/end", {"next": "/status"}, signed_in=ALICE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/status")
    assert answer.headers["set-cookie"].startswith(f'{SESSION_COOKIE}=""; ')
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "wanted",
    [
        *("//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)"),
        *("/\t/evil.example", "/\n/evil.example", " /x", "evil.example", "", "/x\r\nSet-Cookie: a=b", "/" + "x" * 5000),
    ],
)
@pytest.mark.parametrize("path", ["/api/approvals", "/api/sessions", "/api/sessions/end"])
def test_a_browser_is_sent_to_no_other_site(asked: Gateway, path: str, wanted: str) -> None:
    form = FORM if path == "/api/approvals" else {"token": ALICE}
    answer = asked.submit(path, {**form, "next": wanted}, signed_in=ALICE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")


def test_who_may_not_approve_is_refused_in_the_browser(asked: Gateway) -> None:
    answer = asked.submit("/api/approvals", FORM, signed_in=JENKINS, accept="text/html,*/*")
    assert answer.status_code == 403
    assert "jenkins lacks the scope approve" in answer.text
    assert SECRET not in answer.text
