"""Questions to the query service."""

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from deploydb.domain.errors import DeployDBError, NotAllowed, NotFound, Permanent, Transient
from deploydb.settings import from_environment

TIMEOUT_SECONDS = 10.0

Body = dict[str, Any]

_MEMBER = {
    "status": "lanes",
    "why": "stages",
    "history": "deployments",
    "events": "events",
    "holds": "holds",
    "plan": "stages",
    "rollback": "possible",
    "where": "artifacts",
    "diff": "differences",
    "blame": "changes",
    "dora": "frequency",
    "artifacts": "version",
    "deployments": "status",
    "flows": "deployments",
    "services": "ident",
    "environments": "ident",
    "pipelines": "ident",
    "operations": "outbox",
}
"""What each resource's answer has: some other service's answer has it not."""


def ask(*path: str, **parameters: object) -> Body:
    """The answer to `/api/PATH…?PARAMETERS`; those that are None are left out.

    Raises: NotFound with the service's words; NotAllowed; Permanent for another refusal; Transient where nobody
    answers.
    """
    body = _answer(path, parameters)
    if not isinstance(body, dict) or _MEMBER[path[0]] not in body:
        raise _stranger(from_environment().url)
    return body


def ask_all(*path: str) -> list[Body]:
    """The answer to `/api/PATH…` that is a list. Raises: as `ask`."""
    body = _answer(path, {})
    if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
        raise _stranger(from_environment().url)
    return body


def _answer(path: Sequence[str], parameters: Mapping[str, object]) -> Any:  # noqa: ANN401  # any JSON
    given = from_environment()
    base = given.url
    if not base.startswith(("http://", "https://")):
        raise Permanent(f"DEPLOYDB_URL is {base}: expected http://HOST:PORT")
    address = base + _target(path, {name: value for name, value in parameters.items() if value is not None})
    try:
        token = {"Authorization": f"Bearer {given.token}"} if given.token else {}
        request = Request(address, headers={"Accept": "application/json", **token})  # noqa: S310  # checked above
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return json.load(answer)
    except HTTPError as error:
        raise _refusal(error, address) from error
    except http.client.InvalidURL as error:
        raise Permanent(f"DEPLOYDB_URL is {base}: expected http://HOST:PORT ({error})") from error
    except (URLError, TimeoutError, http.client.HTTPException, OSError) as error:
        told = getattr(error, "reason", error)
        raise Transient(
            f"no answer from {base} ({told}): is DeployDB running there? `deploydb up` starts it here; "
            "DEPLOYDB_URL says where it is"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _stranger(base) from error
    except ValueError as error:  # of the address
        raise Permanent(f"DEPLOYDB_URL is {base}: expected http://HOST:PORT ({error})") from error


def _target(path: Sequence[str], parameters: Mapping[str, object]) -> str:
    try:
        query = urlencode(parameters)
        return f"/api/{'/'.join(quote(part, safe='') for part in path)}{'?' if query else ''}{query}"
    except UnicodeEncodeError as error:
        raise Permanent(f"{error.object!r} is not UTF-8") from error


def _stranger(base: str) -> Permanent:
    return Permanent(f"{base} does not answer as DeployDB does: check DEPLOYDB_URL")


def _refusal(error: HTTPError, address: str) -> DeployDBError:
    try:
        told = str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        told = f"{address} answers {error.code} {error.reason}"
    if error.code == 404:
        return NotFound(told)
    if error.code in (401, 403):
        return NotAllowed(f"{told}; DEPLOYDB_TOKEN is the token that is sent, if there is one")
    return Transient(told) if error.code >= 500 else Permanent(told)
