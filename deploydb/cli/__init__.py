"""The command line: reads over HTTP, acts by publishing facts, and runs the parts.

A command's module is imported when the command runs, so that `deploydb --help` and the reads start fast: they import
neither SQLAlchemy nor a broker's client. stdout is for data, stderr for talk. Exit codes are those of `ExitCode`.
"""

import sys

import click

from deploydb.cli.commands import cli, write_nowhere
from deploydb.domain.model.errors import DeployDBError, NotAllowed
from deploydb.exit_codes import ExitCode
from deploydb.terminal import make_visible


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
        sys.exit(ExitCode.NOT_ALLOWED if isinstance(error, NotAllowed) else ExitCode.FAILED)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(ExitCode.INTERRUPTED)
    except OSError as error:  # a full disk, a folder that may not be written
        write_nowhere()
        sys.stderr.write(f"deploydb: {error}\n")
        sys.exit(ExitCode.FAILED)
