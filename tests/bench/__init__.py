"""`make bench`: how fast it is, on real processes, RabbitMQ quorum queues and PostgreSQL with fsync on.

Everything that is counted is counted in the database, or at the command queue's end. All of it shares the machine's
cores, so read the ratios; the table names the cores. Each measurement has a vhost and a database of its own.
"""
