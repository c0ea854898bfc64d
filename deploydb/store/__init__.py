"""SQL: the event log, its projections, the outbox, and the questions people ask.

PostgreSQL and SQLite go through the same SQLAlchemy Core statements. A batch travels as one JSON parameter that the
database expands (`bulk`), so a statement's text, its plan and its round trips do not depend on the batch's size.

Three writers, each with one transaction for one piece of work:

- `record`     ingest: log rows, what they add up to, and a mark for promotion
- `promotion`  claims requests, loads snapshots, asks `domain.evaluation.evaluate`, writes its decisions
- `outbox`     relay: leases rows, and settles them once the broker has answered

What may be repeated is harmless to repeat: events are unique by source and id, commands by their id, and an active
deployment by its lane. So after a lost connection at commit, whose outcome is unknown, the work is simply done again.
"""
