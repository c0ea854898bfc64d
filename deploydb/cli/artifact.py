"""`artifact`: what is known of an artifact, and a person's acceptance of its file."""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.effect import require_effect
from deploydb.cli.options import action_options, arguments, artifact_option
from deploydb.cli.output import ago, is_shown, is_wide, output_option, reason_text, show_line, show_table, whole
from deploydb.cli.publisher import publish_order, signed_order
from deploydb.domain.model.artifact import Artifact, split_module
from deploydb.domain.model.errors import NotFound, Permanent
from deploydb.domain.model.facts import ArtifactAccepted
from deploydb.domain.model.publications import REMEDY
from deploydb.query.column import Column

_PLACES = (
    Column("SERVICE"),
    Column("ENVIRONMENT"),
    Column("STATE"),
    Column("DEPLOYMENT", gives_way=2),
    Column("STATUS"),
    Column("REASON", "text", gives_way=1),
)


@click.group()
def artifact() -> None:
    """Artifacts: what is known of one, where it has been, and which file it is.

    \b
    Examples:
      deploydb artifact show com.example:storefront:1.4.0
      deploydb artifact accept storefront 1.4.0 sha256:9f86d081 --reason "the tag was moved on purpose"
    """


@artifact.command()
@click.argument("what")
@output_option
def show(what: str, output: str) -> None:
    """The artifact with this id, or GROUP:NAME:VERSION, commit, digest or package URL.

    \b
    Examples:
      deploydb artifact show com.example:storefront:1.4.0
      deploydb artifact show 4711 -o yaml
    """
    found = _found(what)
    if is_shown(output, found, lambda: [f"artifact/{found['id']}"]):
        return
    for name in ("id", "module", "version", "commit", "digest", "purl"):
        if found[name] is not None:
            show_line(f"{'artifact' if name == 'id' else name:<10} {found[name]}")
    if is_wide() and (url := ask("artifacts", str(found["id"])).get("url")):
        show_line(f"{'url':<10} {url}")
    click.echo(f"{'published':<10} {whole(found['publishedAt'])}, {ago(found['publishedAt'])}\n")
    if "conflict" in found:
        show_line(f"Contradicted: {found['conflict']}. {REMEDY}")
    if "accepted" in found:
        accepted = found["accepted"]
        show_line(f"Accepted by {accepted['by']}, {ago(accepted['at'])}: {accepted['reason']}")
    names = ("service", "environment", "state", "deployment", "status")
    rows = [[*(str(one[name]) for name in names), reason_text(one["reason"])] for one in found["places"]]
    show_table(_PLACES, rows, empty="It went nowhere.")


@artifact.command()
@arguments("service", "version", "digest")
@artifact_option
@action_options(reason_required=True)
def accept(service: str, version: str, digest: str, artifact: str | None, reason: str, by: str | None) -> None:
    """Make the file with DIGEST the VERSION of SERVICE from now on, where several files were published as it.

    Its publisher is the author then, and approvals of another digest count no more. What has been deployed and verified
    stays: `deploydb retry` deploys the accepted file where another one runs. A later publication with another file
    contradicts again. Exits with 1 where nothing would change.

    \b
    Example:
      deploydb artifact accept storefront 1.4.0 sha256:9f86d081 --reason "the tag was moved on purpose"
    """
    answer = ask("accept", service, version=version, digest=digest, artifact=artifact)
    if not answer["counts"]:
        raise Permanent(f"nothing is accepted: {answer['why']}")
    group, name = split_module(answer["module"])
    file = Artifact(group=group, name=name, version=version, digest=digest)
    fact = ArtifactAccepted(**signed_order(by), artifact=file, reason=reason)
    publish_order(fact)
    require_effect(fact)
    show_line(f"{answer['module']}:{version} is {digest} from now on", err=True)


def _found(what: str) -> Body:
    """The artifact as `where` tells it. Raises: NotFound."""
    if what.isascii() and what.isdecimal():
        known = ask("artifacts", what)
        what = f"{known['group']}:{known['name']}:{known['version']}"
    found: list[Body] = ask("where", what)["artifacts"]
    if len(found) > 1:
        names = ", ".join(f"{one['id']} ({one['module']} {one['version']})" for one in found)
        raise NotFound(f"{what} means several artifacts: name one by its id: {names}")
    return found[0]
