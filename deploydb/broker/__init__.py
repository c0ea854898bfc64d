"""The message broker: facts come in, commands go out.

Two brokers keep the same ports (`port`) under the same contract suite. One is RabbitMQ; the other is the embedded
transport, a SQLite file that the processes of one machine share. `open` chooses by the URL; no other module imports
either.

Errors: an outage is `Transient`, whatever the client library raises. The connection is then dropped, not closed
(closing can hang on a dead peer), and its owner opens another one. A missing queue or exchange, a refused login and a
different argument are `Misconfigured`: they need a person, and the message has the remedy.

- `port`              the interfaces and their contract
- `topology`          exchanges, queues and bindings, as data
- `dead_letter`       the form of a dead letter
- `address`           broker URLs, shown without the password
- `inbound`           RabbitMQ, consuming: kombu on py-amqp
- `outbound`          RabbitMQ, publishing: pika
- `errors`            RabbitMQ's reply codes, as our errors
- `pika_session`      RabbitMQ, connecting with pika
- `provision`         RabbitMQ, declaring and checking the topology: pika
- `dead_letter_queue` RabbitMQ, the dead-letter queue for people: pika
- `embedded`          the same four on SQLite
"""
