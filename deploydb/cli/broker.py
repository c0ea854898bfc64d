"""`broker`: what must exist on the broker."""

import click

from deploydb.broker.open import check as check_broker
from deploydb.broker.open import provision as provision_broker
from deploydb.broker.topology import Topology, topology_of
from deploydb.configuration import LiveCatalog
from deploydb.settings import from_environment


@click.group()
def broker() -> None:
    """Exchanges and queues: make them, check them. Workers only ever use them.

    \b
    Example:
      deploydb broker provision
    """


def _wanted() -> Topology:
    return topology_of(LiveCatalog(from_environment().config).catalog)


@broker.command()
def provision() -> None:
    """Make the exchanges, the queues and the bindings that the configuration asks for. Harmless to repeat.

    Run it on deployment, and after a change of orchestrators or environments.

    \b
    Example:
      DEPLOYDB_BROKER_URL=amqps://admin:…@rabbit/deploydb deploydb broker provision
    """
    made = provision_broker(from_environment().broker_url, _wanted())
    for what in made:
        click.echo(what)
    click.echo("everything is there" if not made else f"made {len(made)}", err=True)


@broker.command()
def check() -> None:
    """Say what is missing on the broker, or is not as it must be. Makes nothing.

    \b
    Example:
      deploydb broker check
    """
    check_broker(from_environment().broker_url, _wanted())
    click.echo("everything is there", err=True)
