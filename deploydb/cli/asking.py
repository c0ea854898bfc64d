"""Questions to the query service."""

import http.client
import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from deploydb.domain.errors import NotFound, Permanent, Transient
from deploydb.settings import from_environment

TIMEOUT_SECONDS = 10.0

Body = dict[str, Any]


def ask(*path: str, **parameters: object) -> Body:
    """The answer to `/api/PATH…?PARAMETERS`; those that are None are left out.

    Raises: NotFound with the service's words; Permanent for another refusal; Transient where nobody answers.
    """
    base = from_environment().url
    if not base.startswith(("http://", "https://")):
        raise Permanent(f"DEPLOYDB_URL is {base}: expected http://HOST:PORT")
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    address = f"{base}/api/{'/'.join(quote(part, safe='') for part in path)}{'?' if query else ''}{query}"
    request = Request(address, headers={"Accept": "application/json"})  # noqa: S310  # checked above
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            body: Body = json.load(answer)
            return body
    except HTTPError as error:
        raise _refusal(error, address) from error
    except (URLError, TimeoutError, http.client.HTTPException, OSError) as error:
        told = getattr(error, "reason", error)
        raise Transient(
            f"no answer from {base} ({told}): is DeployDB running there? `deploydb up` starts it here; "
            "DEPLOYDB_URL says where it is"
        ) from error
    except json.JSONDecodeError as error:
        raise Permanent(f"{base} does not answer as DeployDB does: check DEPLOYDB_URL") from error


def _refusal(error: HTTPError, address: str) -> NotFound | Permanent | Transient:
    try:
        told = str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        told = f"{address} answers {error.code} {error.reason}"
    if error.code == 404:
        return NotFound(told)
    return Transient(told) if error.code >= 500 else Permanent(told)
