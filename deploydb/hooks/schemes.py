"""How tools prove that a request is theirs. Every comparison takes the same time, right or wrong."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from deploydb.hooks.payload import Request


class Unverified(Exception):
    """The request does not prove that it is the tool's. The message says what is missing or wrong."""


class Scheme(Protocol):
    """One way."""

    @property
    def carrier(self) -> str:
        """Where the proof is, for messages."""

    def proofs(self, request: Request) -> list[str]:
        """What the request has there; none where it has nothing."""

    def expected(self, request: Request, secret: str) -> str:
        """What it must have there."""


class Signature(Struct, frozen=True, kw_only=True):
    """An HMAC of the raw body in a header, after a prefix; several are separated by commas. `compact`: of the body
    without blanks between its JSON values."""

    header: str
    prefix: str = ""
    algorithm: Literal["sha256", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    compact: bool = False

    @property
    def carrier(self) -> str:
        return f"the header {self.header}"

    def proofs(self, request: Request) -> list[str]:
        return [one.strip() for one in request.headers.get(self.header.lower(), "").split(",") if one.strip()]

    def expected(self, request: Request, secret: str) -> str:
        body = _compact(request.body) if self.compact else request.body
        digest = hmac.new(secret.encode(), body, getattr(hashlib, self.algorithm))
        return self.prefix + (digest.hexdigest() if self.encoding == "hex" else b64encode(digest.digest()).decode())


class Token(Struct, frozen=True, kw_only=True):
    """The secret in a header, after a prefix."""

    header: str
    prefix: str = ""

    @property
    def carrier(self) -> str:
        return f"the header {self.header}"

    def proofs(self, request: Request) -> list[str]:
        given = request.headers.get(self.header.lower())
        return [given] if given else []

    def expected(self, request: Request, secret: str) -> str:
        return f"{self.prefix}{secret}"


class Basic(Struct, frozen=True, kw_only=True):
    """HTTP basic authentication: the secret is the password, of any user; or `USER:PASSWORD`, where it has a colon."""

    @property
    def carrier(self) -> str:
        return "the header Authorization"

    def proofs(self, request: Request) -> list[str]:
        way, _, given = request.headers.get("authorization", "").partition(" ")
        if way.lower() != "basic":
            return []
        try:
            pair = b64decode(given, validate=True).decode()
        except (NotBase64, UnicodeDecodeError):
            return []
        return [pair, pair.partition(":")[2]]

    def expected(self, request: Request, secret: str) -> str:
        return secret


class Query(Struct, frozen=True, kw_only=True):
    """The secret in the address, as `?token=`, for tools that can send no header of their own."""

    @property
    def carrier(self) -> str:
        return "the parameter token of the address"

    def proofs(self, request: Request) -> list[str]:
        given = request.query.get("token")
        return [given] if given else []

    def expected(self, request: Request, secret: str) -> str:
        return secret


class StandardWebhook(Struct, frozen=True, kw_only=True):
    """An HMAC of id, time and raw body, as https://www.standardwebhooks.com says. The secret may begin with
    `whsec_`, and is base64 then."""

    @property
    def carrier(self) -> str:
        return "the header webhook-signature"

    def proofs(self, request: Request) -> list[str]:
        return request.headers.get("webhook-signature", "").split()

    def expected(self, request: Request, secret: str) -> str:
        head = ".".join(request.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp"))
        encoded = secret.removeprefix(_BASE64)
        try:
            key = b64decode(encoded, validate=True) if encoded != secret else secret.encode()
        except NotBase64:
            key = secret.encode()
        signed = hmac.new(key, f"{head}.".encode() + request.body, hashlib.sha256)
        return f"v1,{b64encode(signed.digest()).decode()}"


_BASE64 = "whsec_"
_MOST_PROOFS = 8
"""Signatures of one request that are looked at: while secrets are rotated there are two."""
BEARER = Token(header="Authorization", prefix="Bearer ")
BEARER_OR_BASIC = (BEARER, Basic())


def _compact(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError):
        return body


def verify(schemes: tuple[Scheme, ...], request: Request, secret: str) -> None:
    """Return only where one of the schemes proves the secret. Raises: Unverified."""
    carried = False
    for scheme in schemes:
        proofs = scheme.proofs(request)[:_MOST_PROOFS]
        if not proofs:
            continue
        carried = True
        expected = scheme.expected(request, secret).encode()
        if any(hmac.compare_digest(proof.encode("utf-8", "replace"), expected) for proof in proofs):
            return
    places = " or ".join(dict.fromkeys(scheme.carrier for scheme in schemes))
    problem = "does not match the secret of this hook" if carried else "is missing: it must prove the secret"
    raise Unverified(f"{places} {problem}")
