"""Sessions of browsers: a signed cookie that names a bearer and a time, and expires. Nothing is kept here.

The cookie is `ID.TIME.SIGNATURE`. The signature's key is made of the configured secret and the hash of the bearer's
token. So every process with the same secret and tokens file knows the same sessions, a restart ends none, and a session
ends with its token. Without a secret, a reader of the tokens file could sign a session.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

from itsdangerous import BadSignature, TimestampSigner
from msgspec import Struct

from deploydb.identity import Bearer, Tokens

EXPIRES_SECONDS = 12 * 3600
"""After the last request that renewed it."""
RENEWED_AFTER_SECONDS = 15 * 60
"""A session that is older gets a new cookie with the next answer."""
_APART_SECONDS = 60
"""The clock of another process may be ahead of ours by so much."""
_SALT = b"deploydb.session"


class Session(Struct, frozen=True, kw_only=True):
    """A session that is good at the moment."""

    bearer: Bearer
    age_seconds: float

    @property
    def is_due(self) -> bool:
        """Whether it should be renewed."""
        return self.age_seconds >= RENEWED_AFTER_SECONDS


class Sessions:
    """Makes and reads the cookie's value."""

    def __init__(self, secret: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def begin(self, bearer: Bearer) -> str:
        """The value for a session of this bearer that begins, or is renewed, now."""
        return self._signer(bearer).sign(bearer.id_).decode()

    def find(self, value: str, tokens: Tokens) -> Session | None:
        """The session; None where it is forged or expired, or its token is not among `tokens`."""
        bearer = tokens.by_id(value.partition(".")[0])
        if bearer is None:
            return None
        try:
            _, signed_at = self._signer(bearer).unsign(value, return_timestamp=True)
        except BadSignature:
            return None
        age = (datetime.fromtimestamp(self._clock(), UTC) - signed_at).total_seconds()
        return Session(bearer=bearer, age_seconds=age) if -_APART_SECONDS <= age < EXPIRES_SECONDS else None

    def _signer(self, bearer: Bearer) -> "_Signer":
        return _Signer(f"{self._secret}{bearer.hashed}", clock=self._clock)


class _Signer(TimestampSigner):
    def __init__(self, key: str, *, clock: Callable[[], float]) -> None:
        super().__init__(key, salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        """Of our clock."""
        return int(self._clock())
