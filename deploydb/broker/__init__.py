"""The message broker: where facts come in, where commands go out.

Two brokers stand behind the same ports (`port`) and under the same contract suite: RabbitMQ, and the embedded
transport, one SQLite file that the processes of one machine share. `open` chooses by the URL; nothing else imports
either.

What fails how: an outage is `Transient`, whatever shape the client library gives it; the connection is then dropped,
not closed (closing can hang on a dead peer), and its owner opens another one. A queue or an exchange that does not
exist, a refused login, an argument that differs are `Misconfigured`: they do not mend themselves, and the message says
what to do.

- `port`         the interfaces, and what is promised
- `topology`     which exchanges, queues and bindings there are, as data
- `dead`         what a dead letter looks like
- `address`      broker URLs, and how they are shown (without the password)
- `inbound`      RabbitMQ, consuming: kombu on py-amqp
- `outbound`     RabbitMQ, publishing: pika
- `replies`      RabbitMQ's reply codes, as our errors
- `session`      RabbitMQ, how pika connects
- `provision`    RabbitMQ, declaring and checking the topology: pika
- `deadletters`  RabbitMQ, the dead-letter queue for people: pika
- `embedded`     the same four on SQLite
"""
