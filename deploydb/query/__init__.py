"""The read-only HTTP service: the v1 interface's reads to the letter, and DeployDB's own beside it under `/api`.

It has no way to write: it asks the named questions of `store.queries`, puts them beside the catalog in use, and shapes
the answers. A request passes the `middleware` (limits, headers, metrics, what goes wrong), is routed to one of the
`resources` (a module for each noun), and runs there in a thread: the database is asked without holding up the others.
What all resources share has one place each: `negotiation`, `paging`, `errors`, and `request_context`, a request as a
resource sees it.

Questions are never queued for the database beyond a handful of connections, and each is given up after a few seconds:
a slow database makes for slow answers and clear errors, not for a service that stands still.
"""
