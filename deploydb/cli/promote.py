"""`promote`: have a version in an environment now."""

import sys

import click

from deploydb.cli.client import ask
from deploydb.cli.options import action_options, arguments
from deploydb.cli.publisher import publish_one, signed
from deploydb.domain.model.errors import NotFound, Permanent
from deploydb.domain.model.facts import HotfixDeclared

_THROUGH = ("SUCCESS", "SKIPPED")
_OVER = ("SUCCESS", "COMPLETED", "SKIPPED")


@click.command()
@arguments("service", "environment", "version")
@click.option("--yes", is_flag=True, help="Do not ask whether stages may be passed by.")
@action_options(reason_required=True)
def promote(service: str, environment: str, version: str, yes: bool, reason: str, by: str | None) -> None:
    """Have VERSION of SERVICE in ENVIRONMENT now: ahead of other versions, past the stages before that it is not
    through yet.

    The gates of ENVIRONMENT itself, vetoes, pins and freezes stand. What is passed by, by whom and why is kept.

    \b
    Example:
      deploydb promote storefront prod 1.4.1 --reason "checkout is down, staging is broken"
    """
    stages = ask("why", service, environment, version=version)["stages"]
    if stages[-1]["environment"] != environment:
        raise NotFound(f"{service} {version} does not go to {environment}")
    there = stages[-1]
    if there["status"] in _OVER:
        raise Permanent(
            f"{service} {version} has had its turn in {environment} ({there['status']}): "
            f"`deploydb rollback {service} {environment} --to {version}` puts back what has succeeded there"
        )
    skip = tuple(stage["environment"] for stage in stages[:-1] if stage["status"] not in _THROUGH)
    if skip and not yes:
        _confirm(f"{service} {version} will pass by {', '.join(skip)} on its way to {environment}. Go on?")
    publish_one(HotfixDeclared(**signed(by), service=service, version=version, reason=reason, skip=skip))
    past = f", past {', '.join(skip)}" if skip else ""
    click.echo(f"{service} {version} goes to {environment} ahead of others{past}", err=True)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Without a terminal, pass --yes.")
    click.confirm(question, abort=True, err=True)
