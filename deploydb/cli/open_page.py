"""`open`: a page in the browser."""

import webbrowser
from urllib.parse import quote

import click

from deploydb.cli.client import where_answered
from deploydb.cli.known_names import require_known
from deploydb.cli.options import arguments
from deploydb.redaction import shown_url
from deploydb.settings import from_environment


@click.command("open")
@arguments("[service]", "[environment]")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def open_page(service: str | None, environment: str | None, no_browser: bool) -> None:
    """Open the page of SERVICE, or of what comes next in ENVIRONMENT and why; without SERVICE the home page.

    Prints its address, too, for a machine without a browser.

    \b
    Examples:
      deploydb open storefront
      deploydb open storefront prod --no-browser
    """
    names = [name for name in (service, environment) if name is not None]
    if names:
        with where_answered(f"whether {' in '.join(names)} exists"):
            require_known(service=service, environment=environment)
    pages = ("", "/services", "/why")
    address = "/".join([from_environment().url + pages[len(names)], *(quote(name, safe="") for name in names)])
    click.echo(shown_url(address))
    if not no_browser:
        webbrowser.open(address)
