"""`deploydb openapi`: the HTTP interface's document."""

import json

import click


@click.command()
def openapi() -> None:
    """Print the query service's interface as an OpenAPI 3.1 document, as it is served at /api/openapi.json.

    \b
    Example:
      deploydb openapi > openapi.json
    """
    from deploydb.query.app import interface

    click.echo(json.dumps(interface(), indent=2, ensure_ascii=False))
