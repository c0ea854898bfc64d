"""The processes that keep DeployDB going, one file each, any number of each side by side.

- `ingest`   the broker's facts into the log, a batch a transaction
- `promote`  what has changed, and what is due, into decisions
- `relay`    the outbox to the broker, with confirms
- `verify`   asks URLs and Prometheus for gates, the answers as facts
- `query`    the read-only HTTP service
- `deployer` an orchestrator of our own: deploy commands into runs of a program

**A worker is a session and a step.** `session()` opens its connections and gives the step; `loop.run` calls the step
until the process stops. A step is one whole unit: take, commit, ack. So stopping between two steps loses nothing, and
so does a kill -9 within one: what was not acked comes again, what was not committed never was.

**Trouble has two kinds.** Transient: the session is dropped and opened again, with growing pauses, for ever; logged
once a minute and shown in `/readyz`. Misconfigured: no retry fixes it, so the process writes one line and ends with 1.
Any other error is a defect: the process ends with a traceback and 70, and its supervisor starts it again.
"""
