"""Signatures of calls, as Standard Webhooks has them: receivers verify who calls, and that nothing was changed."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from deploydb.domain.model.errors import Misconfigured

_PREFIX = "whsec_"


def signature_headers(secrets: Sequence[str], id_: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of a call: its id, its time, and a signature by each secret. While a secret is replaced, receivers
    that know the new one or the old one accept it.

    Raises: Misconfigured for a secret that is not base64, with or without `whsec_`.
    """
    moment = str(int(now.timestamp()))
    signed = f"{id_}.{moment}.{body}".encode()
    signatures = [hmac.digest(_key(secret), signed, hashlib.sha256) for secret in secrets]
    listed = " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures)
    return {"webhook-id": id_, "webhook-timestamp": moment, "webhook-signature": listed}


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise Misconfigured(f"a secret of a webhook is no base64: expected {_PREFIX} and 24 to 64 bytes") from error
