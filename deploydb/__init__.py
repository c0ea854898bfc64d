"""DeployDB: who, what, where, when and why of artifact-based deployments through environments.

Facts come in from a message exchange, are stored, are weighed against the configured pipelines, and
leave as deploy commands; people and programs ask the rest over HTTP. The packages, from the pure core outwards:

- `domain`         what is configured, what happened, what follows from it; no clock, no I/O
- `wire`           bytes <-> facts and commands
- `configuration`  a directory of YAML -> a catalog
- `store`          SQL: the event log, its projections, the outbox, the questions
- `broker`         the ports to the message broker: RabbitMQ, or the embedded transport
- `query`          the read-only HTTP service
- `cli`            the command line
"""

__version__ = "0.1.0"
