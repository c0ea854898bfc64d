"""Secrets: whatever a password is, it is in nothing that people read."""

import io
import json
import logging
from contextlib import redirect_stderr
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deploydb.domain.model.errors import DeployDBError, Misconfigured
from deploydb.redaction import redacted, secrets_in, shown_url
from deploydb.settings import Settings
from deploydb.store.engine import open_engine, reading
from deploydb.telemetry import open_log

SPECIAL = st.text(st.sampled_from("@:/?#[]%&+='\"\\ \t$;é\u202eaZ0"), min_size=4, max_size=12)
PASSWORDS = SPECIAL | st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=30)
URLS = ("postgresql://app:{}@db.example.com:5432/prod", "amqp://app:{}@mq.example.com:5672/prod", "http://app:{}@h/")


@given(PASSWORDS)
def test_a_password_is_in_no_url_that_is_shown(password: str) -> None:
    for url in URLS:
        for written in (quote(password, safe=""), password):
            shown = shown_url(url.format(written))
            assume(password not in url)
            assert password not in shown
            assert quote(password, safe="") not in shown or quote(password, safe="") in url


@given(PASSWORDS)
def test_a_password_among_the_options_is_not_shown_either(password: str) -> None:
    for option in ("password", "sslpassword", "passfile"):
        url = f"postgresql://app@db/prod?sslmode=require&{option}={quote(password, safe='')}"
        assume(password not in url.partition("?")[0])
        assert shown_url(url) == "postgresql://app@db/prod?sslmode=require"
        assert password not in redacted(f"it says {password}!", secrets_in([url]))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(PASSWORDS)
def test_a_password_is_in_no_line_of_the_log(password: str) -> None:
    url = f"postgresql://app:{quote(password, safe='')}@db.example.com/prod"
    without, within = io.StringIO(), io.StringIO()
    for stream, secret in ((without, "########"), (within, password)):
        log = open_log("info", name="t", secrets=Settings(database_url=url).secrets, stream=stream)
        log.warning("trying again", error=f"cannot log in with {secret}", values=[{"a": secret}], url=url)
        logging.getLogger("driver").error("lost %s", quote(secret))
        try:
            raise ValueError(secret)  # noqa: TRY301
        except ValueError:
            log.critical("ended", exc_info=True)
    assume(password not in without.getvalue().replace("########", ""))
    for line in within.getvalue().splitlines():
        answer = json.loads(line)
        assert password not in str(answer.values()), answer
        assert all(password not in str(value) for value in answer.values())


@pytest.mark.parametrize("password", ["it's @ home", 'quo"te', "p%40ss/w:rd", "café 100%", "a\\b#c?d"])
def test_a_failed_connection_tells_no_password(password: str) -> None:
    url = f"postgresql://app:{quote(password, safe='')}@127.0.0.1:1/prod"
    engine = open_engine(url, name="t")
    with pytest.raises(DeployDBError) as failed, reading(engine):
        pass
    assert password not in str(failed.value)


def test_a_url_that_would_be_misread_is_refused_without_its_words() -> None:
    for url in ("postgresql://u:p@ssword@db/x", "postgresql://u:p@ss:word@db/x", "postgresql://u:p@/ss@db/x"):
        with pytest.raises(Misconfigured) as refused:
            open_engine(url, name="t")
        assert "ss" not in str(refused.value).replace("password's", "")
        assert shown_url(url) == "postgresql://…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the token ddb_abc-DEF_123 is unknown", "the token ddb_*** is unknown"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': '***'}"),
        ("sent Bearer abc.def to it", "sent Bearer *** to it"),
        ("sign in or send a bearer token", "sign in or send a bearer token"),
        ("Cookie: deploydb_session=abc; deploydb_form=def", "Cookie: ***"),
        ("deploydb_session=abc; deploydb_form=def", "deploydb_session=***; deploydb_form=***"),
        ('{"password": "a b c"}', '{"password": ***}'),
        ("password='a b' user=x", "password=*** user=x"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_fields_of_the_log_with_a_secrets_name_are_hidden() -> None:
    stream = io.StringIO()
    with redirect_stderr(stream):
        log = open_log("info", name="t", stream=stream)
        log.info("x", token="abc", headers={"Authorization": "Basic xyz", "Cookie": "a=b"}, password="pw")
    line = json.loads(stream.getvalue())
    assert (line["token"], line["password"]) == ("***", "***")
    assert line["headers"] == {"Authorization": "***", "Cookie": "***"}


def test_quoted_forms_are_known_too() -> None:
    secrets = secrets_in(["amqp://u:a%20b%2Bc@h/"])
    for form in ("a b+c", "a%20b%2Bc", quote_plus("a b+c")):
        assert redacted(f"<{form}>", secrets) == "<***>"
