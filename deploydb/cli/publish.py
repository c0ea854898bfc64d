"""`publish`: facts, one at a time or by the file."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click
import msgspec

from deploydb.broker.port import Message
from deploydb.cli.effect import require_effect
from deploydb.cli.fact_command import fact_command, fact_options, is_strict, strict_option, who
from deploydb.cli.known_names import KnownNames
from deploydb.cli.options import arguments
from deploydb.cli.output import show_line
from deploydb.cli.publisher import message_of, new_id, publish_all, publish_one, raw_message
from deploydb.domain.formatting import counted
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.errors import MessageRejected, NotFound, Permanent
from deploydb.domain.model.facts import (
    ArtifactPublished,
    DeploymentFinished,
    DeploymentObserved,
    DeploymentStarted,
    Fact,
    VerificationFinished,
    fact_types,
    type_of,
)
from deploydb.exit_codes import ExitCode
from deploydb.terminal import plain
from deploydb.wire.native import decode_fact

MANY = 100
"""From so many messages on, a progress bar is shown."""


historical_option = click.option(
    "--historical", is_flag=True, default=None, help="Of before DeployDB's time: record it, and decide nothing by it."
)


class _Publish(click.Group):
    """Its own commands, and one for each type of fact."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *map(type_of, fact_types())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        kind = next((kind for kind in fact_types() if type_of(kind) == cmd_name), None)
        return super().get_command(ctx, cmd_name) if kind is None else fact_command(kind, _publish)


@click.group(cls=_Publish, invoke_without_command=True)
@click.option("--file", "-f", type=click.File("rb"), help="Raw JSON, one fact or one a line; - for standard input.")
@strict_option
@click.option("--unchecked", is_flag=True, help="Send what is in the file as it is, right or wrong.")
@click.pass_context
def publish(context: click.Context, file: BinaryIO | None, unchecked: bool) -> None:
    """Publish facts, each with the broker's confirm. Exits with 1 if one of them was not taken.

    A fact that matches nothing is published, and that is shown, with the nearest name; --strict refuses it.

    \b
    Examples:
      deploydb publish artifact com.example:storefront 1.4.0 --url https://repo.example.com/storefront-1.4.0.tar.gz
      deploydb publish verification storefront dev 1.4.0 --promotion smoke --outcome passed
      deploydb publish incident.resolved --id 4711/over --source pagerduty --service storefront --environment prod
      deploydb publish --file releases.jsonl
    """
    if context.invoked_subcommand is not None:
        if file is not None:
            raise click.UsageError("--file goes without a subcommand")
        return
    if file is None:
        raise click.UsageError(
            "say what to publish: a type of fact, artifact, deployment, verification, or --file FILE"
        )
    _publish_file(file, unchecked=unchecked)


@publish.command()
@click.argument("module", metavar="GROUP:NAME")
@click.argument("version")
@click.option("--url", metavar="URL", help="Where it is.")
@click.option("--digest", metavar="DIGEST", help="What it is, such as sha256:….")
@click.option("--commit", metavar="COMMIT", help="What it was built from.")
@click.option("--purl", metavar="PURL", help="Its package URL.")
@click.option("--author", metavar="NAME", help="The author of the commit.")
@click.option("--triggered-by", metavar="NAME", help="Who started the build.")
@historical_option
@fact_options
def artifact(
    module: str,
    version: str,
    ident: str | None,
    source: str | None,
    time: str | None,
    *,
    historical: bool | None,
    **about: str,
) -> None:
    """A version of a module can be deployed from now on.

    \b
    Example:
      deploydb publish artifact com.example:storefront 1.4.0 --url https://repo.example.com/storefront-1.4.0.tar.gz
    """
    group, colon, name = module.partition(":")
    if not colon:
        raise click.UsageError(f"{module} is no module: write GROUP:NAME")
    published = Artifact(group=group, name=name, version=version, **about)
    fact = ArtifactPublished(**who(ident, source, time), artifact=published, historical=historical)
    _publish(fact)


@publish.command()
@click.argument("state", type=click.Choice(["started", "succeeded", "failed", "observed"]))
@arguments("service", "environment", "version")
@click.option("--module", metavar="GROUP:NAME", help="Whose version it is; with observed always.")
@click.option("--by", metavar="NAME", help="With observed: who deployed it.")
@click.option("--reason", metavar="TEXT", help="Why it failed, or why it was done.")
@click.option("--url", metavar="URL", help="Where more is to be seen.")
@historical_option
@fact_options
def deployment(
    state: Any,  # noqa: ANN401  # click has checked it
    version: str,
    module: str | None,
    by: str | None,
    reason: str | None,
    ident: str | None,
    source: str | None,
    time: str | None,
    *,
    historical: bool | None,
    **lane: str,
) -> None:
    """A deployment has started, succeeded or failed; or (observed) a version runs without a command.

    \b
    Examples:
      deploydb publish deployment succeeded storefront dev 1.4.0
      deploydb publish deployment observed storefront prod 1.3.9 --module com.example:storefront --by alice
    """
    about = who(ident, source, time) | lane | {"historical": historical}
    match state:
        case "started":
            _publish(DeploymentStarted(**about, version=version, artifact=module))
        case "observed":
            group, colon, name = (module or "").partition(":")
            if not colon:
                raise click.UsageError("observed needs --module GROUP:NAME")
            seen = Artifact(group=group, name=name, version=version)
            _publish(DeploymentObserved(**about, artifact=seen, by=by, reason=reason))
        case _:
            _publish(DeploymentFinished(**about, version=version, artifact=module, outcome=state, reason=reason))


@publish.command()
@arguments("service", "environment", "version")
@click.option("--promotion", required=True, metavar="NAME", help="The job, as the configuration names it.")
@click.option(
    "--outcome",
    required=True,
    type=click.Choice(["passed", "failed", "errored", "pending"]),
    help="What it found; errored: no answer, pending: not yet.",
)
@click.option("--module", "artifact", metavar="GROUP:NAME", help="Whose version it is, where several have it.")
@click.option("--reason", metavar="TEXT", help="Why.")
@click.option("--url", metavar="URL", help="Where its report is.")
@historical_option
@fact_options
def verification(ident: str | None, source: str | None, time: str | None, **about: Any) -> None:  # noqa: ANN401
    """A job that checks a deployment has an answer.

    \b
    Example:
      deploydb publish verification storefront dev 1.4.0 --promotion smoke --outcome passed
    """
    _publish(VerificationFinished(**who(ident, source, time), **about))


def _publish(fact: Fact) -> None:
    names = KnownNames(strict=is_strict())
    unknown = names.problems(fact)
    if unknown and is_strict():
        raise NotFound(f"not published: {'; '.join(unknown)}")
    publish_one(fact)
    _show_unchecked(names)
    click.echo(f"published {type_of(fact)} {fact.source}/{fact.id}", err=True)
    for problem in unknown:
        show_line(f"it matches nothing: {problem}", err=True)
    if not unknown and not names.unchecked:
        _require_effect(fact)


def _require_effect(fact: Fact) -> None:
    """Say where a fact does not count, or its effect is not known yet. Raises: as `require_effect`, if strict."""
    try:
        require_effect(fact)
    except click.exceptions.Exit:
        if is_strict():
            raise
    except Permanent as error:
        if is_strict():
            raise
        show_line(str(error), err=True)


def _show_unchecked(names: KnownNames) -> None:
    if names.unchecked:
        show_line(f"names of {counted(names.unchecked, 'fact')} were not checked: {names.reason}", err=True)


def _publish_file(file: BinaryIO, *, unchecked: bool) -> None:
    """Check each fact, then publish those that can be; with `--strict` all of them or none."""
    bodies = bodies_of(file.read())
    name = getattr(file, "name", "-")
    names = KnownNames(strict=is_strict())
    messages: list[tuple[str, Message]] = []
    for line, body in bodies:
        origin = f"{name}:{line}"
        try:
            message = _raw(body, unchecked=unchecked)
            unknown = [] if unchecked else names.problems(decode_fact(body, arrived_at=datetime.now(UTC)))
        except MessageRejected as refused:
            click.echo(f"{origin}: {refused}", err=True)
            continue
        for problem in unknown:
            show_line(f"{origin}: it matches nothing: {problem}", err=True)
        if not (unknown and is_strict()):
            messages.append((origin, message))
    wrong = len(bodies) - len(messages)
    if wrong and is_strict():
        click.echo(f"0 published, {len(bodies)} not", err=True)
        raise SystemExit(ExitCode.FAILED)
    _show_unchecked(names)
    if publish_messages(messages, len(messages), "published", wrong) or wrong:
        raise SystemExit(ExitCode.FAILED)


def publish_messages(messages: Iterable[tuple[str, Message]], total: int, done: str, wrong: int = 0) -> bool:
    """Publish messages, each with its place, and say how many are `done`, and how many are not, with the `wrong` ones.
    Whether any was not taken."""
    confirmed = untaken = 0
    hidden = total < MANY or not sys.stderr.isatty()
    found, stream = publish_all(messages), plain(sys.stderr)
    with click.progressbar(found, length=total, label="publishing", file=stream, hidden=hidden) as receipts:
        for origin, receipt in receipts:
            if receipt.state == "confirmed":
                confirmed += 1
            else:
                untaken += 1
                click.echo(f"{origin}: {receipt.state}: {receipt.detail}", err=True)
    click.echo(f"{confirmed} {done}, {untaken + wrong} not", err=True)
    return bool(untaken)


def bodies_of(content: bytes) -> list[tuple[int, bytes]]:
    """The facts in a file, each with its line: one a line, or all of it one object over several lines."""
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), start=1)]
    filled = [(number, line) for number, line in lines if line]
    if len(filled) > 1 and not _is_json(filled[0][1]) and (_is_json(content) or _opens_only(filled)):
        return [(filled[0][0], content.strip())]
    return filled


def _opens_only(lines: list[tuple[int, bytes]]) -> bool:
    """Whether the lines are one malformed object spread over them: reported once, not once a line."""
    return lines[0][1] in (b"{", b"[") and not any(_is_json(line) for _, line in lines[1:] if line.startswith(b'{"'))


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _raw(body: bytes, *, unchecked: bool) -> Message:
    if unchecked:
        return raw_message(body, "unchecked", new_id())
    return message_of(decode_fact(body, arrived_at=datetime.now(UTC)), body)
