"""The processes that keep DeployDB going, one file each, any number of each side by side.

- `ingest`   the broker's facts into the log, a batch a transaction
- `promote`  what has changed, and what is due, into decisions
- `relay`    the outbox to the broker, with confirms
- `verify`   asks URLs and Prometheus for gates, the answers as facts
- `query`    the read-only HTTP service
- `deployer` an orchestrator of our own: deploy commands into runs of a program

**A worker is a session and a step.** `session()` opens its connections and gives the step; `loop.run` calls the step
until it is told to stop. A step is one whole unit: take, commit, ack. So stopping between two steps loses nothing, and
so does a kill -9 within one: what was not acked comes again, what was not committed never was.

**Trouble has two kinds.** Transient: the session is dropped and opened again, with growing pauses, for ever; said once
a minute and in `/readyz`. Misconfigured: it will not mend itself, so the process says one line and ends with 1.
Anything else is our mistake: the process ends with a traceback and 70, and whoever supervises it starts it again.
"""
