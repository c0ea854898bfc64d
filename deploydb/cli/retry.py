"""`retry`: another attempt of a version."""

import click

from deploydb.cli.client import Body, ask, where_answered
from deploydb.cli.effect import require_effect, show_fact
from deploydb.cli.options import action_options, arguments, artifact_option
from deploydb.cli.output import is_shown, output_option, show_line
from deploydb.cli.publisher import publish_order, signed_order
from deploydb.domain.model.errors import Permanent
from deploydb.domain.model.facts import RetryRequested
from deploydb.exit_codes import ExitCode


@click.command()
@arguments("service", "environment", "[version]")
@artifact_option
@click.option(
    "--skip", multiple=True, metavar="PROMOTION", help="Not asked of this attempt; may be given several times."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be attempted, and what stands against it.")
@action_options(reason_required=False, own_output=True)
@output_option
def retry(
    service: str,
    environment: str,
    version: str | None,
    artifact: str | None,
    skip: tuple[str, ...],
    dry_run: bool,
    reason: str | None,
    by: str | None,
    output: str,
) -> None:
    """Have another attempt made of VERSION in ENVIRONMENT: it failed, was skipped or superseded, or runs there.

    Without VERSION: the last one deployed there if it failed, else what runs. Gates and holds stand, but for what
    --skip names. Exits with 1 where no attempt can be made.

    \b
    Examples:
      deploydb retry storefront prod --reason "the disk is empty again"
      deploydb retry storefront prod 1.4.0 --dry-run
      deploydb retry storefront staging 1.4.0 --skip load-test --reason "its cluster is away"
    """
    wanted = {"version": version, "artifact": artifact, "skip": ",".join(skip) or None}
    if dry_run:
        _show(ask("retry", service, environment, **wanted), output)
        return
    if reason is None:
        raise click.UsageError("Missing option '--reason': it shows with the attempt.")
    attempt = ""
    with where_answered("whether another attempt can be made"):
        body = ask("retry", service, environment, **wanted)
        if not body["possible"]:
            raise Permanent(f"nothing is attempted: {body['why']}")
        version, attempt = str(body["version"]), f"attempt {body['attempt']} of "
        for hold in body["holds"]:
            show_line(f"it waits: {hold}", err=True)
    if version is None:
        raise click.UsageError("Missing argument 'VERSION': without the query service it must be given.")
    lane = {"service": service, "environment": environment}
    fact = RetryRequested(**signed_order(by) | lane, version=version, artifact=artifact, skip=skip, reason=reason)
    publish_order(fact)
    require_effect(fact)
    show_fact(fact, output)
    asked = f"{attempt}{service} {version} in {environment} is requested"
    show_line(f"{asked}; see `deploydb why {service} {environment} {version}`", err=True)


def _show(body: Body, output: str) -> None:
    if not is_shown(output, body, lambda: [f"version/{body['version']}"] if body["possible"] else []):
        lane = f"{body['service']} {body['version']} in {body['environment']}"
        show_line(f"{lane} would be attempted again: {body['why']}" if body["possible"] else body["why"])
        for hold in body["holds"]:
            show_line(f"against it: {hold}")
    if not body["possible"]:
        click.get_current_context().exit(ExitCode.FAILED)
