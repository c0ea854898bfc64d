"""`approve` and `refuse`: approvals and refusals of manual promotions."""

from typing import Any

import click

from deploydb.cli.client import Body, ask, ask_why
from deploydb.cli.effect import require_counts, require_effect, show_fact
from deploydb.cli.options import (
    arguments,
    artifact_option,
    by_option,
    early_option,
    fact_option,
    fact_output,
    no_wait_option,
    not_blank,
)
from deploydb.cli.publisher import publish_order, signed_order
from deploydb.domain.model.errors import NotFound, Permanent, Transient
from deploydb.domain.model.facts import ApprovalGiven, ApprovalRefused
from deploydb.domain.model.promotions import FREEZE
from deploydb.domain.suggestions import close_match


@click.command()
@arguments("service", "environment", "[version]")
@artifact_option
@click.option("--promotion", metavar="NAME", help="The manual promotion; by default the one that waits there.")
@by_option("Who says so")
@early_option
@no_wait_option
@fact_option
@click.option("--comment", "--reason", "comment", metavar="TEXT", help="Why.")
def approve(**given: Any) -> None:  # noqa: ANN401  # as `_publish` takes it
    """Say yes to what waits for people in ENVIRONMENT.

    The approval is for one VERSION; without it, for the one that waits for people there, else for the newest on its
    way. An early approval is kept, and counts once it is required. It is for the file that is known by that version;
    where several modules have it, --artifact names one. One that would not count is refused, with who would.

    With `--promotion freeze` it lets the version through a freeze, from users who may override one; --comment says why.
    The same users answer for any gate that has no answer itself (ERROR): --promotion names it.

    \b
    Examples:
      deploydb approve storefront staging --comment "looks good"
      deploydb approve storefront prod --promotion freeze --comment "checkout is down"
      deploydb approve storefront staging 1.4.0 --promotion go --by alice
    """
    _publish(ApprovalGiven, "approved", **given)


@click.command()
@arguments("service", "environment", "[version]")
@artifact_option
@click.option("--promotion", metavar="NAME", help="The manual promotion; by default the one that waits there.")
@by_option("Who says so")
@early_option
@no_wait_option
@fact_option
@click.option(
    "--comment", "--reason", "comment", metavar="TEXT", required=True, callback=not_blank, help="Why. All users see it."
)
def refuse(**given: Any) -> None:  # noqa: ANN401  # as `_publish` takes it
    """Say no to what waits for people in ENVIRONMENT. One no is a no, until the same person says yes. Where several
    modules have the version, --artifact names one.

    \b
    Examples:
      deploydb refuse storefront staging --comment "checkout is slow"
      deploydb refuse storefront staging 1.4.0 --promotion go --by bob --comment "legal says no"
    """
    _publish(ApprovalRefused, "refused", **given)


def _publish(
    kind: type[ApprovalGiven] | type[ApprovalRefused],
    verb: str,
    *,
    service: str,
    environment: str,
    version: str | None,
    artifact: str | None,
    promotion: str | None,
    by: str | None,
    comment: str | None,
    early: bool,
) -> None:
    if promotion == FREEZE and not (comment or "").strip():
        raise click.UsageError("Missing option '--comment': why may it pass the freeze?")
    if version is None or promotion is None:
        version, promotion, digest = _meant(service, environment, version, promotion, artifact)
    else:
        digest = _seen(service, environment, version, promotion, verb, artifact)
    lane: Any = {"service": service, "environment": environment, "version": version, "artifact": artifact}
    who = signed_order(by)
    order = "approve" if kind is ApprovalGiven else "refuse"
    answer = require_counts(
        order, service, environment, version, early=early, promotion=promotion, by=who["by"], artifact=artifact
    )
    if answer is not None:
        digest = answer["digest"]
    fact = kind(**who, **lane, promotion=promotion, comment=comment, digest=digest)
    publish_order(fact, *(["early"] if early else []))
    if answer is not None or not early:  # one for a version that is still to come has no effect yet
        require_effect(fact)
    else:
        show_fact(fact, fact_output())
    click.echo(f"{promotion} {verb} for {service} {version} in {environment} by {fact.by}", err=True)


def _seen(service: str, environment: str, version: str, promotion: str, verb: str, artifact: str | None) -> str | None:
    """The digest of the file that is known by a version; None where there is none, or no answer.

    Raises: NotFound where people are not asked about the promotion there; Permanent for a no that comes too late.
    """
    try:
        body = ask_why(service, environment, version=version, artifact=artifact)
    except (NotFound, Transient):  # an approval may come before its deployment
        return None
    names = _manual(body, waiting=False)
    if promotion != FREEZE and promotion not in (*names, *_errored(body)):
        found = f"there is {', '.join(names)}" if names else "no approval is required there"
        near = close_match(promotion, [*names, FREEZE])
        raise NotFound(f"{promotion} is no manual promotion of {service} in {environment}: {found}{near}")
    if verb == "refused" and body["stages"][-1]["status"] == "SUCCESS":
        raise Permanent(
            f"{version} is through {environment} already: `deploydb rollback {service} {environment}` puts back what "
            f"ran before, `deploydb veto {service} {version}` stops it elsewhere"
        )
    digest: str | None = body["digest"]
    return digest


def _meant(
    service: str, environment: str, version: str | None, promotion: str | None, artifact: str | None
) -> tuple[str, str, str | None]:
    """The version and the manual promotion of an approval that lacks one of them, or both; and the file's digest."""
    if version is None:
        waiting = _waiting(service, environment, promotion, artifact)
        if len(waiting) > 1:
            versions = ", ".join(str(body["version"]) for body in waiting)
            raise Permanent(f"{versions} of {service} wait for people in {environment}: say which version")
        body = waiting[0] if waiting else ask_why(service, environment)
    else:
        body = ask_why(service, environment, version=version, artifact=artifact)
    return str(body["version"]), promotion or _asked(body), body["digest"]


def _waiting(service: str, environment: str, promotion: str | None, artifact: str | None) -> list[Body]:
    """The `why` of each version of the lane (of a module) that waits for an approval."""
    lanes = ask("status", service=service, environment=environment)["lanes"]
    there = [entry for lane in lanes for entry in (*lane["running"], *lane["pending"])]
    versions = sorted({entry["version"] for entry in there if artifact in (None, entry["module"])})
    bodies = [ask_why(service, environment, version=version, artifact=artifact) for version in versions]
    if promotion == FREEZE:
        return [body for body in bodies if _is_frozen(body)]
    waiting = ((body, (*_manual(body, waiting=True), *(_errored(body) if promotion else ()))) for body in bodies)
    return [body for body, names in waiting if any(promotion in (None, name) for name in names)]


def _is_frozen(body: Body) -> bool:
    gates = body["stages"][-1]["gates"]
    return any(gate["promotion"] == FREEZE and gate["verdict"] == "PENDING" for gate in gates)


def _manual(body: Body, *, waiting: bool) -> list[str]:
    """The manual promotions of the stage that is asked about."""
    names = (
        str(gate["promotion"])
        for gate in body["stages"][-1]["gates"]
        if gate["asksPeople"]
        and (not waiting or (gate["verdict"] == "PENDING" and gate["reason"]["code"] == "awaiting_approval"))
    )
    return list(dict.fromkeys(names))


def _errored(body: Body) -> list[str]:
    """The gates of the stage that is asked about that have no answer: people may answer for them."""
    return [str(gate["promotion"]) for gate in body["stages"][-1]["gates"] if gate["verdict"] == "ERROR"]


def _asked(body: Body) -> str:
    """The one manual promotion that is asked for there; where none is asked for yet, the one that will be."""
    names = _manual(body, waiting=True) or _manual(body, waiting=False)
    if len(names) == 1:
        return names[0]
    service, version, environment = body["service"], body["version"], body["environment"]
    if names:
        raise Permanent(f"{service} has {', '.join(names)} in {environment}: say which with --promotion")
    elsewhere = [
        f"{stage['environment']} ({gate['promotion']})"
        for stage in body["stages"]
        for gate in stage["gates"]
        if gate["asksPeople"]
    ]
    hint = f"; approvals are required in {', '.join(elsewhere)}" if elsewhere else ""
    raise NotFound(f"no approval is required for {service} {version} in {environment}{hint}")
