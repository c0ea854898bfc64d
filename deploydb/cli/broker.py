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


def _wanted(eiffel: str | None) -> Topology:
    return topology_of(LiveCatalog(from_environment().config).catalog, eiffel=eiffel)


_EIFFEL = click.option(
    "--eiffel",
    metavar="EXCHANGE",
    envvar="DEPLOYDB_EIFFEL_EXCHANGE",
    help="Also take the Eiffel events (routing keys eiffel.#) of this exchange, which must exist; else "
    "DEPLOYDB_EIFFEL_EXCHANGE.",
)


@broker.command()
@_EIFFEL
def provision(eiffel: str | None) -> None:
    """Make the exchanges, the queues and the bindings that the configuration asks for. Harmless to repeat.

    Run it on deployment, and after a change of orchestrators or environments.

    \b
    Example:
      DEPLOYDB_BROKER_URL=amqps://admin:…@rabbit/deploydb deploydb broker provision
      deploydb broker provision --eiffel eiffel
    """
    made = provision_broker(from_environment().broker_url, _wanted(eiffel))
    for what in made:
        click.echo(what)
    click.echo("everything is there" if not made else f"made {len(made)}", err=True)


@broker.command()
@_EIFFEL
def check(eiffel: str | None) -> None:
    """Say what is missing on the broker, or is not as it must be. Makes nothing.

    \b
    Example:
      deploydb broker check
    """
    check_broker(from_environment().broker_url, _wanted(eiffel))
    click.echo("everything is there", err=True)
