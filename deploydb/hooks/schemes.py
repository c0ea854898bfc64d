"""How tools prove that a request is theirs. Every comparison takes the same time, right or wrong."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Literal, Protocol

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
    """An HMAC of the raw body in a header, after a prefix; several are separated by commas."""

    header: str
    prefix: str = ""
    algorithm: Literal["sha256", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"

    @property
    def carrier(self) -> str:
        return f"the header {self.header}"

    def proofs(self, request: Request) -> list[str]:
        return [one.strip() for one in request.headers.get(self.header.lower(), "").split(",") if one.strip()]

    def expected(self, request: Request, secret: str) -> str:
        digest = hmac.new(secret.encode(), request.body, getattr(hashlib, self.algorithm))
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


BEARER = Token(header="Authorization", prefix="Bearer ")
BEARER_OR_BASIC = (BEARER, Basic())


def verify(schemes: tuple[Scheme, ...], request: Request, secret: str) -> None:
    """Return only where one of the schemes proves the secret. Raises: Unverified."""
    carried = False
    for scheme in schemes:
        for proof in scheme.proofs(request):
            carried = True
            if hmac.compare_digest(proof.encode("utf-8", "replace"), scheme.expected(request, secret).encode()):
                return
    places = " or ".join(dict.fromkeys(scheme.carrier for scheme in schemes))
    problem = "does not match the secret of this hook" if carried else "is missing: it must prove the secret"
    raise Unverified(f"{places} {problem}")
