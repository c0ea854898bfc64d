"""`artifact show`: what is known of an artifact, and where it has been."""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.output import ago, is_shown, is_wide, output_option, reason_text, show_line, show_table, whole
from deploydb.domain.model.errors import NotFound
from deploydb.domain.model.publications import REMEDY


@click.group()
def artifact() -> None:
    """Artifacts: what is known of one, and where it has been.

    \b
    Example:
      deploydb artifact show com.example:storefront:1.4.0
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
    names = ("service", "environment", "state", "deployment", "status")
    rows = [[*(str(one[name]) for name in names), reason_text(one["reason"])] for one in found["places"]]
    headings = ["SERVICE", "ENVIRONMENT", "IT", "DEPLOYMENT", "STATUS", "BECAUSE"]
    show_table(headings, rows, empty="It went nowhere.")


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
