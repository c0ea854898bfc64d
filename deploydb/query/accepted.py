"""A person's acceptance of a file, as it is answered."""

from msgspec import Struct


class Accepted(Struct, frozen=True, kw_only=True):
    """By whom a file was made the version, of several that were published, when and why. Deployments that were
    commanded before it have the file of their command."""

    by: str
    at: str
    reason: str
