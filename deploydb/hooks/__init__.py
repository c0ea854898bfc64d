"""Webhooks of other tools, read: bytes of a request → signals → facts. Pure: no clock, no I/O.

A tool is one module of `hooks.tools`: how its requests are verified, and what its payloads report, in the tool's own
names (`Signal`). The rules of `hooks/NAME.yml` (`Hook`) give the artifact, service, environment and promotion of a
repository, image or job, and `translation` makes facts by them. A name that no rule and no configuration
gives is never guessed: the payload is ignored with the reason, or its fact is kept as unmatched.

What fails how: a wrong signature raises `Unverified`, a payload that is not the tool's raises `MessageRejected` with
the path of the field. The gateway and `deploydb hook test` run the same code.
"""
