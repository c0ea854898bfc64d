"""`deploydb where`: is my commit in prod?"""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.output import ago, is_shown, output_option, reason_text, show_line, show_table


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
        rows = [_row(place) for place in found["places"]]
        show_table(["SERVICE", "ENVIRONMENT", "IT", "WHEN", "NOW THERE", "BECAUSE"], rows, empty="It went nowhere.")
    if body["more"]:
        click.echo("There are more: ask for a longer part of the commit.", err=True)


def _row(place: Body) -> list[str]:
    when = ago(place["since"])
    if place["since"] is not None and place["until"] is not None:
        when = f"{when} until {ago(place['until'])}"
    now = place["now"]
    instead = "" if now is None else f"{now['version']}{' (newer)' if now['newer'] else ''}"
    state = f"{place['state']}, {place['status']}" if place["state"] in ("runs", "coming") else str(place["state"])
    return [place["service"], place["environment"], state, when, instead, reason_text(place["reason"])]
