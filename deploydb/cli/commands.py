"""Which commands there are, and where each of them is."""

import os
import sys
from importlib import import_module
from typing import Any

import click

from deploydb import __version__
from deploydb.exit_codes import ExitCode
from deploydb.query.views import NAMES, view

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Ask": {
        "status": ("status:status", "What runs where, and what is on its way."),
        "why": ("lanes:why", "Why a version is, or is not, in an environment."),
        "history": ("lanes:history", "What has been deployed of a service."),
        "service": ("catalog_objects:service", "Services: list, describe."),
        "environment": ("catalog_objects:environment", "Environments: list, describe."),
        "artifact": ("artifact:artifact", "An artifact: where it has been, and which file it is."),
        "flow": ("flow:flow", "A release's way to prod, gate by gate."),
        "wait": ("wait:wait", "Until a version is there, or cannot come any more."),
        "events": ("events:events", "The log: facts with their sources, and decisions."),
        "diff": ("diff:diff", "What one environment runs and another does not."),
        "open": ("open_page:open_page", "The page of a service, or of a version's way to an environment."),
        **{name: (f"views:{name}", "") for name in NAMES},
    },
    "Act": {
        "approve": ("approval:approve", "Say yes to what waits for people."),
        "refuse": ("approval:refuse", "Say no to what waits for people."),
        "rollback": ("overrides:rollback", "Put back what ran before."),
        "retry": ("retry:retry", "Have another attempt made of a version."),
        "promote": ("overrides:promote", "Have a version in an environment now, past the stages before it."),
        "hotfix": ("overrides:hotfix", "Let a version go ahead of the others."),
        "pin": ("holds:pin", "Keep a version where it is."),
        "unpin": ("holds:unpin", "Let automation go on to the newest version."),
        "veto": ("holds:veto", "Let a version come nowhere any more."),
        "unveto": ("holds:unveto", "Lift a veto."),
        "freeze": ("holds:freeze", "Let nothing enter an environment."),
        "thaw": ("holds:thaw", "Lift a freeze."),
        "pause": ("holds:pause", "Let nothing of a service be promoted."),
        "resume": ("holds:resume", "Lift a pause."),
        "incident": ("incidents:incident", "Incidents: open, resolve."),
        "attest": ("attest:attest", "Vouch for a file, by its digest."),
        "publish": ("publish:publish", "Publish facts: artifacts, deployments, verifications, raw JSON."),
        "import": ("import_history:import_history", "Import the history of before DeployDB's time."),
        "dead": ("dead:dead", "Dead letters: list, show, replay, discard."),
        "webhook": ("webhook:webhook", "Calls of webhooks: list, show, replay."),
    },
    "Run": {
        "tour": ("tour:tour", "Start DeployDB here and walk a release to prod."),
        "up": ("up:up", "Run everything here, until Ctrl-C."),
        "deployer": ("deployer:deployer", "Run a program for each deploy command of a queue."),
        "doctor": ("doctor:doctor", "Check everything that DeployDB needs, and say what to do."),
    },
    "Set up": {
        "init": ("init:init", "Write an example configuration."),
        "check-config": ("configuration:check_config", "Check a configuration directory."),
        "config": ("configuration:config", "The configuration in force, now or at any time."),
        "simulate": ("simulate:simulate", "What another configuration would have decided."),
        "access": ("access:access", "Who may say what: explain."),
        "hook": ("hooks:hook", "Webhooks of other tools: list, test."),
        "token": ("token:token", "Make a bearer token."),
        "broker": ("broker:broker", "Provision and check the broker."),
        "db": ("database:db", "Migrate and check the database."),
        "completion": ("completion:completion", "Completion for your shell."),
        "openapi": ("openapi:openapi", "Print the HTTP interface's document."),
        "asyncapi": ("asyncapi:asyncapi", "Print the document of the messages on the broker."),
    },
}
"""Each command by what it is for, with its place (module:object) and its purpose, which of a view the view says."""
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


class Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """In the order of the help."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The command itself."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(f"deploydb.cli.{module}"), attribute)
        import_module("deploydb.cli.qualified_names").take_qualified_names(command)
        if "_DEPLOYDB_COMPLETE" in os.environ:
            import_module("deploydb.cli.name_completion").complete_names(command)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # whatever the command returns
        """Run the command. A closed pipe ends it well: `deploydb events | head`."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            write_nowhere()
            ctx.exit(ExitCode.SUCCESS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any but views."""
        for group, commands in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name, text or view(name).command.purpose) for name, (_, text) in commands.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """A mistyped command is answered with the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]}" + (f"; did you mean {close[0]}?" if close else ""))
        return super().resolve_command(ctx, args)


def write_nowhere() -> None:
    """What is still to be written to stdout could not be; without this, Python would try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.command(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: " + "; ".join(f"{code.value} {code.meaning}" for code in ExitCode) + ".",
)
@click.version_option(__version__, prog_name="deploydb")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colours: where a terminal is (auto, and never with NO_COLOR set), or as you say.",
)
@click.pass_context
def cli(context: click.Context, color: str) -> None:
    """Who, what, where, when and why of deployments. Alone: what needs somebody now, and what runs where.

    Reads ask the query service at DEPLOYDB_URL; acts publish facts to DEPLOYDB_BROKER_URL. Both default to the
    DeployDB that `deploydb up` runs here.

    \b
    Example:
      deploydb
      deploydb status
      deploydb why storefront prod
    """
    if color != "auto":
        context.color = color == "always"
    elif os.environ.get("NO_COLOR"):
        context.color = False
    if context.invoked_subcommand is None:
        import_module("deploydb.cli.home").home(context)
