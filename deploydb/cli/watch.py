"""Looking again and again: `--watch`."""

import functools
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from deploydb.cli.output import show_styled
from deploydb.domain.model.errors import Transient

F = TypeVar("F", bound=Callable[..., Any])

EVERY_SECONDS = 2.0
_CLEAR = "\x1b[2J\x1b[H"
"""Clears the screen, and goes to its top."""


def watched(command: F) -> F:
    """`--watch`: the same every two seconds, in place on a terminal, until Ctrl-C."""

    @functools.wraps(command)
    def run(*arguments: Any, watch: bool, **options: Any) -> Any:  # noqa: ANN401  # whatever the command takes
        while watch:
            if sys.stdout.isatty():
                show_styled(_CLEAR)
            try:
                command(*arguments, **options)
            except Transient as error:  # it may be back at the next look
                click.echo(f"deploydb: {error}", err=True)
            sys.stdout.flush()
            time.sleep(EVERY_SECONDS)
        return command(*arguments, **options)

    message = f"Again every {EVERY_SECONDS:.0f} s, until Ctrl-C."
    return click.option("--watch", is_flag=True, help=message)(run)  # type: ignore[return-value]
