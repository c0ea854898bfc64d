"""`deploydb asyncapi`: the documents of the broker's messages."""

import json

import click


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the messages instead.")
def asyncapi(*, schema: bool) -> None:
    """Print exchanges, queues, routing keys and messages as an AsyncAPI 3.0 document.

    \b
    Example:
      deploydb asyncapi > asyncapi.json
      deploydb asyncapi --schema > messages.schema.json
    """
    from deploydb.broker.asyncapi import document, message_schemas

    click.echo(json.dumps(message_schemas() if schema else document(), indent=2, ensure_ascii=False))
