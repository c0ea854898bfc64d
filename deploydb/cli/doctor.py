"""`doctor`: is everything there that DeployDB needs, and what to do where it is not."""

import click
import msgspec

from deploydb.cli.doctor_checks import examined
from deploydb.cli.output import is_shown, output_option, show_table


@click.command()
@output_option
def doctor(output: str) -> None:
    """Look at settings, configuration, database, broker, query service and clocks; say what is wrong and what to do.

    Changes nothing. Exits with 1 where something fails. A warning is what you may mean: a part that is not on this
    machine, dead letters, another version.

    \b
    Examples:
      deploydb doctor
      deploydb doctor -o json
    """
    findings = list(examined())
    body = [msgspec.to_builtins(one) for one in findings]
    if not is_shown(output, body, lambda: (f"{one.state}/{one.check}" for one in findings)):
        rows = [[one.state, one.check, one.seen, one.advice] for one in findings]
        show_table(["STATE", "CHECK", "SEEN", "TO DO"], rows, empty="Nothing was looked at.")
    if any(one.state == "fail" for one in findings):
        raise click.exceptions.Exit(1)
