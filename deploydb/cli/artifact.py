"""`where` and `artifact show`: what is known of an artifact, and where it has been."""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.output import ago, is_shown, is_wide, output_option, reason_text, show_line, show_table, whole
from deploydb.domain.model.errors import NotFound


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


@click.command()
@click.argument("what")
@output_option
def where(what: str, output: str) -> None:
    """Where WHAT is: a commit (7 digits or more of it), a digest, a package URL, GROUP:NAME:VERSION, or a version.

    A row for each environment that it has come to, is on its way to, or will never come to.

    \b
    Examples:
      deploydb where 4f9c1d2
      deploydb where com.example:storefront:1.4.0
      deploydb where sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 -o json
    """
    body = ask("where", what)
    if is_shown(output, body, lambda: (f"artifact/{one['id']}" for one in body["artifacts"])):
        return
    for number, found in enumerate(body["artifacts"]):
        if number:
            click.echo()
        known = f", commit {found['commit'][:12]}" if found["commit"] else ""
        show_line(f"{found['module']} {found['version']}{known}, published {ago(found['publishedAt'])}")
        rows = [_place_row(place) for place in found["places"]]
        show_table(["SERVICE", "ENVIRONMENT", "IT", "WHEN", "NOW THERE", "BECAUSE"], rows, empty="It went nowhere.")
    if body["more"]:
        click.echo("There are more: ask for a longer part of the commit.", err=True)


def _place_row(place: Body) -> list[str]:
    when = ago(place["since"])
    if place["since"] is not None and place["until"] is not None:
        when = f"{when} until {ago(place['until'])}"
    now = place["now"]
    instead = "" if now is None else f"{now['version']}{' (newer)' if now['newer'] else ''}"
    state = f"{place['state']}, {place['status']}" if place["state"] in ("runs", "coming") else str(place["state"])
    return [place["service"], place["environment"], state, when, instead, reason_text(place["reason"])]
