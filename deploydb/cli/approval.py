"""`approve` and `refuse`: people's words for manual promotions."""

import click

from deploydb.cli.asking import Body, ask
from deploydb.cli.telling import me, my_source, new_id, tell_one
from deploydb.domain.errors import NotFound, Permanent, Transient
from deploydb.domain.facts import ApprovalGiven, ApprovalRefused


@click.command()
@click.argument("service")
@click.argument("environment")
@click.argument("version", required=False)
@click.option("--promotion", metavar="NAME", help="The manual promotion; by default the one that waits there.")
@click.option("--by", metavar="NAME", help="Who says so; by default you.")
@click.option("--comment", metavar="TEXT", help="Why.")
def approve(
    service: str, environment: str, version: str | None, promotion: str | None, by: str | None, comment: str | None
) -> None:
    """Say yes to what waits for people in ENVIRONMENT.

    The word is for one VERSION; without it, for the newest that is there or on its way. Said too early it is kept, and
    counts when it is asked for.

    \b
    Examples:
      deploydb approve storefront staging --comment "looks good"
      deploydb approve storefront staging 1.4.0 --promotion go --by alice
    """
    _say(ApprovalGiven, "approved", service, environment, version, promotion, by, comment)


@click.command()
@click.argument("service")
@click.argument("environment")
@click.argument("version", required=False)
@click.option("--promotion", metavar="NAME", help="The manual promotion; by default the one that waits there.")
@click.option("--by", metavar="NAME", help="Who says so; by default you.")
@click.option("--comment", metavar="TEXT", help="Why.")
def refuse(
    service: str, environment: str, version: str | None, promotion: str | None, by: str | None, comment: str | None
) -> None:
    """Say no to what waits for people in ENVIRONMENT. One no is a no, until the same person says yes.

    \b
    Examples:
      deploydb refuse storefront staging --comment "checkout is slow"
      deploydb refuse storefront staging 1.4.0 --promotion go --by bob
    """
    _say(ApprovalRefused, "refused", service, environment, version, promotion, by, comment)


def _say(
    kind: type[ApprovalGiven] | type[ApprovalRefused],
    verb: str,
    service: str,
    environment: str,
    version: str | None,
    promotion: str | None,
    by: str | None,
    comment: str | None,
) -> None:
    if version is None or promotion is None:
        body = ask("why", service, environment, version=version)
        version = version or str(body["version"])
        promotion = promotion or _waiting(body, service, environment, version)
    fact = kind(
        id=new_id(),
        source=my_source(),
        service=service,
        environment=environment,
        version=version,
        promotion=promotion,
        by=by or me(),
        comment=comment,
    )
    receipt = tell_one(fact)
    if receipt.state != "confirmed":
        raise Transient(f"the broker did not take it ({receipt.state}): {receipt.detail}")
    click.echo(f"{promotion} {verb} for {service} {version} in {environment} by {fact.by}", err=True)


def _waiting(body: Body, service: str, environment: str, version: str) -> str:
    """The one manual promotion of the stage that is asked about."""
    gates = [gate["promotion"] for gate in body["stages"][-1]["gates"] if gate["type"] == "ManualPromotion"]
    if len(gates) == 1:
        return str(gates[0])
    if gates:
        raise Permanent(f"{service} has {', '.join(gates)} in {environment}: say which with --promotion")
    elsewhere = [
        f"{stage['environment']} ({gate['promotion']})"
        for stage in body["stages"]
        for gate in stage["gates"]
        if gate["type"] == "ManualPromotion"
    ]
    hint = f"; people are asked in {', '.join(elsewhere)}" if elsewhere else ""
    raise NotFound(f"nobody is asked about {service} {version} in {environment}{hint}")
