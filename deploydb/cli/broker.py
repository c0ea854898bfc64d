"""`broker`: what must exist on the broker."""

import json
import secrets
from pathlib import Path

import click
import yaml

from deploydb.broker.definitions import definitions as make_definitions
from deploydb.broker.definitions import password_hash
from deploydb.broker.open import check as check_broker
from deploydb.broker.open import provision as provision_broker
from deploydb.broker.topology import Topology, topology_of
from deploydb.broker.topology_resources import is_name_of_cluster, topology_resources
from deploydb.broker.users import User, users
from deploydb.configuration import LiveCatalog
from deploydb.domain.model.errors import Misconfigured
from deploydb.settings import from_environment, text_of


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


@broker.command()
@click.option("--vhost", default="deploydb", show_default=True, help="The vhost that holds all of it.")
@click.option(
    "--passwords",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A folder with a file for each user, named as the user, that holds its password.",
)
@click.option(
    "--kubernetes",
    metavar="CLUSTER",
    help="Print them as resources of the messaging topology operator, in YAML, for the RabbitmqCluster CLUSTER. The "
    "password of a user is in the Secret CLUSTER-USER.",
)
@_EIFFEL
def definitions(vhost: str, passwords: Path | None, kubernetes: str | None, eiffel: str | None) -> None:
    """Print a vhost, the exchanges, queues and bindings of the configuration, and a user for each role, as RabbitMQ's
    `rabbitmqctl import_definitions` takes them.

    Each user may do what its role needs and nothing more. A user without a password cannot log in; importing the
    definitions again sets passwords again. Run `deploydb broker provision` after each import: it removes the bindings
    of environments that have moved.

    \b
    Examples:
      deploydb broker definitions > definitions.json
      (umask 077; deploydb broker definitions --passwords /etc/deploydb/rabbitmq > definitions.json)
      deploydb broker definitions --kubernetes rabbitmq > topology.yaml
    """
    if kubernetes is not None and passwords is not None:
        raise click.UsageError(
            "--passwords: with --kubernetes passwords are in Secrets: leave one of the two options out"
        )
    if kubernetes is not None and not is_name_of_cluster(kubernetes):
        raise click.UsageError(
            f"--kubernetes: {kubernetes!r} is no name of a RabbitmqCluster: expected at most 63 of a-z, 0-9 and -, "
            "with a letter first and no - last"
        )
    live = LiveCatalog(from_environment().config)
    topology = topology_of(live.catalog, eiffel=eiffel)
    made = users(topology, live.orchestrators)
    if kubernetes is not None:
        resources = topology_resources(topology, made, vhost=vhost, cluster=kubernetes)
        click.echo(yaml.safe_dump_all(resources, sort_keys=False, width=120), nl=False)
        return
    hashes = _hashes(made, passwords) if passwords is not None else {}
    click.echo(json.dumps(make_definitions(topology, made, vhost=vhost, hashes=hashes), indent=2))


def _hashes(made: tuple[User, ...], folder: Path) -> dict[str, str]:
    """The hashes of the passwords in `folder`, by user. Raises: Misconfigured for a file without one, or of no user."""
    if not folder.is_dir():
        raise Misconfigured(f"--passwords: {folder} is no folder: expected one with a file for each user")
    names = {user.name for user in made}
    hashes = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.name not in names:
            raise Misconfigured(f"--passwords: {path} is of no user: expected {', '.join(sorted(names))}")
        password = text_of(path, "--passwords")
        if not password:
            raise Misconfigured(f"--passwords: {path} is empty: write the password of {path.name} into it")
        hashes[path.name] = password_hash(password, secrets.token_bytes(4))
    return hashes
