"""Signatures of calls, verified by the library that receivers use."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from deploydb.domain.model.errors import Misconfigured
from deploydb.egress.signatures import signature_headers

NEW, OLD, OTHER = (f"whsec_{base64.b64encode(letter * 24).decode()}" for letter in (b"n", b"o", b"x"))


def test_a_receiver_with_the_new_or_the_old_secret_accepts_a_call_and_no_other_does() -> None:
    headers = signature_headers([NEW, OLD], "n-1", '{"a":"ü"}', datetime.now(UTC))
    for secret in (NEW, OLD):
        assert Webhook(secret).verify('{"a":"ü"}', headers) == {"a": "ü"}
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify('{"a":"ü"}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify('{"a":"u"}', headers)


def test_a_secret_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(Misconfigured, match="is no base64") as raised:
        signature_headers(["whsec_p@ssword"], "n-1", "{}", datetime.now(UTC))
    assert "p@ssword" not in str(raised.value)
