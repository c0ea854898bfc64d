"""Signatures of webhooks, by GitHub's own code in JavaScript."""

import os
import subprocess

from tests.octokit.download import downloaded

_SIGN = """
import { sign } from "%s";
import { readFileSync } from "node:fs";
process.stdout.write(await sign(process.env.SECRET, readFileSync(0, "utf8")));
"""


def signature(body: bytes, secret: str) -> str:
    """The value of `X-Hub-Signature-256`."""
    module = downloaded("octokit-webhooks-methods-6.0.0.mjs").as_uri()
    command = ["node", "--input-type=module", "--eval", _SIGN % module]
    return subprocess.run(
        command, input=body, env=os.environ | {"SECRET": secret}, capture_output=True, check=True
    ).stdout.decode()
