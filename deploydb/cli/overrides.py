"""`promote`, `hotfix` and `rollback`: users' exceptions to the order of automation."""

import sys

import click

from deploydb.cli.client import Body, ask, where_answered
from deploydb.cli.effect import require_counts, require_effect, require_version, show_fact
from deploydb.cli.options import action_options, arguments
from deploydb.cli.output import ago, is_shown, output_option, show_line, show_table, whole
from deploydb.cli.publisher import publish_order, signed_order
from deploydb.domain.model.errors import NotFound, Permanent
from deploydb.domain.model.facts import HotfixDeclared, PromotionRequested, RollbackRequested
from deploydb.domain.suggestions import suggestion
from deploydb.exit_codes import ExitCode
from deploydb.query.column import Column
from deploydb.query.passed_by import stages_passed_by

_OVER = ("SUCCESS", "COMPLETED")

_UNDOES = (
    Column("UNDOES", "version"),
    Column("COMMIT", gives_way=1),
    Column("PUBLISHED", gives_way=2),
)
_DEPENDENTS = (
    Column("DEPENDENT"),
    Column("ENVIRONMENT"),
    Column("PROMOTION", gives_way=1),
    Column("WANTS", gives_way=2),
)


@click.command()
@arguments("service", "environment", "version")
@click.option("--yes", is_flag=True, help="Do not ask whether stages may be passed by.")
@action_options(reason_required=True)
def promote(service: str, environment: str, version: str, yes: bool, reason: str, by: str | None) -> None:
    """Have VERSION of SERVICE in ENVIRONMENT now: ahead of other versions there, past the stages before that it is not
    through yet. No other environment is concerned: there the version goes its own way.

    The gates of ENVIRONMENT itself, vetoes, pins and freezes stand. What is passed by, by whom and why is kept.

    \b
    Example:
      deploydb promote storefront prod 1.4.1 --reason "checkout is down, staging is broken"
    """
    known = ask("why", service, environment, version=version)
    stages = known["stages"]
    if not stages and "branch" not in known:
        raise NotFound(f"{service} {version} does not go to {environment}")
    if stages and (there := stages[-1])["status"] in _OVER:
        raise Permanent(
            f"{service} {version} has had its turn in {environment} ({there['status']}): "
            f"`deploydb rollback {service} {environment} --to {version}` puts back what has succeeded there"
        )
    skip = tuple(stages_passed_by(known))
    if "branch" in known:
        show_line(known["branch"]["reason"]["text"], err=True)
    if skip and not yes:
        _confirm(f"{service} {version} will pass by {', '.join(skip)} on its way to {environment}. Go on?")
    who = signed_order(by)
    answer = require_counts("promote", service, environment, version, skip=",".join(skip) or None, by=who["by"])
    fact = PromotionRequested(
        **who, service=service, environment=environment, version=version, reason=reason, skip=skip
    )
    publish_order(fact)
    answer = require_effect(fact) or answer
    past = f", past {', '.join(skip)}" if skip else ""
    click.echo(f"{service} {version} goes to {environment} ahead of others{past}", err=True)
    _show_outcome(answer)


@click.command()
@arguments("service", "version")
@click.option("--skip", multiple=True, metavar="STAGE", help="A stage that it passes by; may be given several times.")
@action_options(reason_required=True)
def hotfix(service: str, version: str, skip: tuple[str, ...], reason: str, by: str | None) -> None:
    """Let VERSION of SERVICE go ahead of the others, past the stages that are named.

    The stages that are left keep their gates. What is skipped, by whom and why is kept with the deployment.

    \b
    Examples:
      deploydb hotfix storefront 1.4.1 --skip staging --reason "checkout is down"
      deploydb hotfix storefront 1.4.1 --reason "before all others"
    """
    last = None
    with where_answered(f"whether {service} {version} and these stages exist"):
        last = _require_stages(service, version, skip)
    who = signed_order(by)
    answer = (
        require_counts("hotfix", service, last, version, skip=",".join(skip) or None, by=who["by"]) if last else None
    )
    fact = HotfixDeclared(**who, service=service, version=version, reason=reason, skip=skip)
    publish_order(fact)
    answer = require_effect(fact) or answer
    past = f", past {', '.join(skip)}" if skip else ""
    click.echo(f"{service} {version} goes ahead{past}", err=True)
    _show_outcome(answer)


@click.command()
@arguments("service", "environment")
@click.option("--to", "version", metavar="VERSION", help="What to put back; by default the last one that succeeded.")
@click.option("--dry-run", is_flag=True, help="Only say what would be put back, and what stands against it.")
@action_options(reason_required=False, own_output=True)
@output_option
def rollback(
    service: str, environment: str, version: str | None, dry_run: bool, reason: str | None, by: str | None, output: str
) -> None:
    """Put back what ran in ENVIRONMENT before: the last version that succeeded there, or another that did.

    What comes of it shows in `deploydb history SERVICE ENVIRONMENT`. A --dry-run asks and changes nothing; it exits
    with 1 where nothing could be put back.

    \b
    Examples:
      deploydb rollback storefront prod --dry-run
      deploydb rollback storefront prod --to 1.3.0 --reason "1.4.0 loses orders"
    """
    if dry_run:
        _show_rollback(ask("rollback", service, environment, to=version), output)
        return
    if reason is None:
        raise click.UsageError("Missing option '--reason': it shows with the rollback.")
    runs = None
    with where_answered("whether there is a version to roll back to"):
        body = ask("rollback", service, environment, to=version)
        if not body["possible"]:
            raise Permanent(f"nothing is put back: {body['why']}")
        runs = body["from"]["version"] if body["from"] else None
    fact = RollbackRequested(
        **signed_order(by), service=service, environment=environment, reason=reason, version=version, from_version=runs
    )
    publish_order(fact)
    require_effect(fact)
    show_fact(fact, output)
    to = f" to {version}" if version else ""
    click.echo(
        f"rollback of {service} in {environment}{to} is asked for; see `deploydb history {service} {environment}`",
        err=True,
    )


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Without a terminal, pass --yes.")
    click.confirm(question, abort=True, err=True)


def _show_outcome(answer: Body | None) -> None:
    if answer is not None and answer["why"]:
        show_line(answer["why"], err=True)


def _require_stages(service: str, version: str, skip: tuple[str, ...]) -> str | None:
    """The last stage. Raises: NotFound where the service has no such version or stage."""
    stages = [lane["environment"] for lane in ask("status", service=service)["lanes"]]
    for stage in skip:
        if stage not in stages:
            raise NotFound(f"{stage} is no stage of {service}{suggestion(stage, stages)}")
    if stages:
        require_version(service, version)
    return stages[-1] if stages else None


def _show_rollback(body: Body, output: str) -> None:
    if not is_shown(output, body, lambda: [f"version/{body['to']['version']}"] if body["to"] else []):
        _show_effects(body)
    if not body["possible"]:
        click.get_current_context().exit(ExitCode.FAILED)


def _show_effects(body: Body) -> None:
    lane, runs, target = f"{body['service']} in {body['environment']}", body["from"], body["to"]
    left = f"{runs['version']} (since {whole(runs['since'])}, {ago(runs['since'])})" if runs else "nothing"
    show_line(f"{lane} runs {left}")
    if target:
        proven = "completed the pipeline" if target["completed"] else "succeeded there"
        show_line(f"would be put back: {target['version']}, deployed {whole(target['since'])}, {proven}")
    else:
        click.echo("nothing would be put back")
    show_line(f"why: {body['why']}")
    for hold in body["holds"]:
        show_line(f"{'it would wait' if body.get('waits') else 'against it'}: {hold}")
    if body["undoes"]:
        click.echo()
        rows = [[one["version"], one["commit"] or "", ago(one["publishedAt"])] for one in body["undoes"]]
        show_table(_UNDOES, rows, empty="")
    if body["dependents"]:
        click.echo()
        rows = [
            [one["service"], one["environment"], one["promotion"], one["wants"] or ""] for one in body["dependents"]
        ]
        show_table(_DEPENDENTS, rows, empty="")
