"""Webhooks of a test: configured as people do, and sent as the tools do."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from deploydb.configuration import load
from deploydb.hooks.hook import Hook
from tests.cluster import write_config
from tests.gateway.given import GATED, Gateway, gateway, story

SAMPLES = Path(__file__).parents[3] / "shared/samples"
SECRET = "It's a Secret to Everybody"
"""Of every hook: the one of GitHub's documentation."""


def read_hooks(folder: Path, **files: str) -> dict[str, Hook]:
    """The hooks of files `hooks/NAME.yml`, beside the configuration `GATED`."""
    write_config(
        folder,
        {
            **GATED,
            "promotions/smoke.yml": "type: VerificationPromotion\n",
            **{f"hooks/{name}.yml": text for name, text in files.items()},
        },
    )
    loaded = load(folder)
    assert not loaded.problems, loaded.problems
    return loaded.hooks


@contextmanager
def receiving(
    folder: Path, database_url: str, broker_url: str, monkeypatch: pytest.MonkeyPatch, **files: str
) -> Iterator[Gateway]:
    """The gateway on `story`, with these hooks. Their secret is that of `HOOK_SECRET`."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hooks = read_hooks(folder, **files)
    with story(database_url) as world, gateway(world, broker_url, hooks=hooks) as made:
        yield made


def sample(name: str) -> bytes:
    """A payload of a tool. Skips the test where the samples are not beside this clone."""
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("the samples are not beside this clone")
    return path.read_bytes()


def github(asked: Gateway, event: str, body: bytes | dict[str, Any], *, secret: str = SECRET, **more: str) -> Response:
    """A webhook of GitHub, signed."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    headers = {
        "content_type": "application/json",
        "x_github_event": event,
        "x_hub_signature_256": f"sha256={signature}",
        "prefer": "wait=0",
        **more,
    }
    return asked.ask("/hooks/github", content=content, **headers)


def send(asked: Gateway, path: str, body: bytes | dict[str, Any], **headers: str) -> Response:
    """A webhook of any tool."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asked.ask(path, content=content, **{"content_type": "application/json", "prefer": "wait=0", **headers})


def facts(answer: Response) -> list[tuple[str, Any]]:
    """The types of the facts of an answer, each with its own version or commit, or its artifact's version."""
    return [
        (fact["type"], fact.get("version") or fact.get("commit") or fact.get("artifact", {}).get("version"))
        for fact in answer.json()["facts"]
    ]


def reason(answer: Response) -> str:
    """Why an answer has no fact."""
    assert (answer.status_code, answer.json()["facts"]) == (202, [])
    (ignored,) = answer.json()["ignored"]
    return str(ignored["reason"])
