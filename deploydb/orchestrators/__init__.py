"""Tools that run deployments for DeployDB, each in a file of `tools`.

A tool is spoken to in conversations: generators that yield requests and are sent the answers. So a tool's file says
what is asked and what the answers mean, and does no I/O; `workers.orchestrate` makes the requests, keeps what has
become of each command in a row, and decides when to ask again.

Nothing starts twice. Where an answer to the start may be lost, the next attempt begins with `find`: the tool is asked
for a run with the command's id. A tool that cannot be asked has the id as an `Idempotency-Key`, or is not asked again.
"""
