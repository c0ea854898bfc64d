"""Real servers for tests and benchmarks: private, on loopback ports of their own, beside whatever runs.

`Servers` holds those of one run in one folder: a RabbitMQ node and a PostgreSQL cluster that everybody shares, started
when first asked for, and any number of own ones that a fault test may kill. Several processes of a run may use the same
folder; a lock file decides who starts what. A guard process stops everything when the run's process is gone, however
it went. Needs no pytest:

    with Servers.temporary() as servers:
        url = servers.rabbitmq().create_vhost("bench")
"""

from tests.servers.postgresql import PostgreSQL
from tests.servers.process import until
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.run import Servers
from tests.servers.server import ServerMissing

__all__ = ["PostgreSQL", "RabbitMQ", "ServerMissing", "Servers", "until"]
