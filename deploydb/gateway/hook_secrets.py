"""The secrets of webhooks: read anew for each request, so that a changed file counts at once."""

import os
from pathlib import Path

from deploydb.domain.model.errors import Misconfigured
from deploydb.hooks.hook import Hook
from deploydb.settings import text_of


def secret_of(hook: Hook) -> str:
    """The secret of a hook. Raises: Misconfigured where there is none."""
    if hook.secret.file is not None:
        where = hook.secret.file
        secret = text_of(Path(where), f"secret.file of {hook.file}")
    else:
        where = hook.secret.env or ""
        secret = os.environ.get(where, "").strip()
    if not secret:
        raise Misconfigured(f"{hook.file}: {where} is empty or not set: it must hold the secret")
    return secret
