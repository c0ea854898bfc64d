"""The command line: reads over HTTP, acts by publishing facts, and runs the parts.

A command's module is imported when the command runs, so that `deploydb --help` and the reads start fast: they import
neither SQLAlchemy nor a broker's client. stdout is for data, stderr for talk. Exit codes: 0 it worked, 1 it failed or
was refused, 2 the command was not used as it is meant, 3 it took too long, 4 not allowed, 5 processes have to be
stopped first (`db migrate --plan`), 130 interrupted.
"""

import sys

import click

from deploydb.cli.commands import cli, write_nowhere
from deploydb.domain.model.errors import DeployDBError, NotAllowed
from deploydb.terminal import make_visible

NOT_ALLOWED = 4
INTERRUPTED = 130
"""128 and SIGINT's number, as shells count."""


def main() -> None:
    """Run a command. Errors that a user can fix are one line; a traceback is a defect of DeployDB."""
    make_visible()
    try:
        sys.exit(cli(prog_name="deploydb", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(error.exit_code)
    except DeployDBError as error:
        sys.stderr.write(f"deploydb: {error}\n")
        sys.exit(NOT_ALLOWED if isinstance(error, NotAllowed) else 1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except OSError as error:  # a full disk, a folder that may not be written
        write_nowhere()
        sys.stderr.write(f"deploydb: {error}\n")
        sys.exit(1)
