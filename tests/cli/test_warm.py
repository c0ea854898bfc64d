"""A command of these tests is as one that is started by itself, whose interpreter imports what it needs."""

import os
import subprocess

import pytest

from tests.cli.shell import DEPLOYDB, Shell
from tests.warm import warm

LONG = b'{"type": "nonsense"}\n' * 20_000


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["status"], b""),
        (["nonsense"], b""),
        (["check-config", "--schema"], b""),
        (["check-config", "no\udcff\x1b[2J"], b""),
        (["publish", "--file", "-"], b"{\n"),
        (["status"], LONG),
    ],
)
def test_it_ends_with_the_same_words(shell: Shell, arguments: list[str], stdin: bytes) -> None:
    by_itself = subprocess.run(
        [*DEPLOYDB, *arguments],
        cwd=shell.folder,
        env=shell.environment,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    forked = warm().run(arguments, cwd=shell.folder, env=shell.environment, stdin=stdin, timeout=60)
    assert forked == (by_itself.returncode, by_itself.stdout, by_itself.stderr)


def test_one_that_takes_too_long_is_ended(shell: Shell) -> None:
    os.mkfifo(shell.folder / "facts")
    keeps_it_waiting = os.open(shell.folder / "facts", os.O_RDWR)
    arguments = ["publish", "--file", str(shell.folder / "facts")]
    with pytest.raises(subprocess.TimeoutExpired):
        warm().run(arguments, cwd=shell.folder, env=shell.environment, stdin=b"", timeout=0.5)
    os.close(keeps_it_waiting)
