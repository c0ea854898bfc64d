"""The embedded transport: exchanges, queues and messages in one SQLite file that the processes of one machine share.

kombu's virtual transports remove a message when it is read, so a kill -9 before the ack loses it (measured, each time).
Here a message is *leased* to a consumer. The consumer is alive by its lease, its process id and the start time of its
process. After the end of the lease or the process, its messages are free again. An ack names its lease: a late ack has
no effect.

A publish is confirmed by the commit, synced to the disk. Receiving and acking are not synced: a power failure causes a
redelivery, which the contract allows. A waiting consumer reads SQLite's `data_version` a few dozen times a second. That
costs microseconds while there are no writes.

It is for one machine: SQLite's locks and the process ids have no meaning on a network file system.
"""
