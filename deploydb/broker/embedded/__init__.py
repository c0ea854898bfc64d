"""The embedded transport: exchanges, queues and messages in one SQLite file that the processes of one machine share.

Why not a virtual transport of kombu: those take a message away when it is read, so a kill -9 between reading and ack
loses it (measured, each time). Here a message is *leased*. It belongs to a consumer, which says by its lease, its
process id and the moment at which that process began that it is alive; when the lease runs out or the process is gone,
its messages are free again. An ack names the lease it was taken under: one that comes too late does nothing.

A publish is confirmed by the commit, synced to the disk. Taking and acking are not synced: what a power failure takes
back is delivered again, which the contract allows. A waiting consumer looks at SQLite's `data_version` a few dozen
times a second, which costs microseconds while nobody writes.

Not a broker for more than one machine: SQLite's locks and the process ids mean nothing on a network file system.
"""
