"""The error tree.

    DeployDBError
    ├── Transient          pause and try again: the broker is away, a deadlock, a lost connection
    └── Permanent          trying again changes nothing
        ├── MessageRejected this one message: goes to the dead-letter queue with its reason and path
        │   └── Forbidden  its publisher may not say it
        ├── Misconfigured  a setting or a resource of the broker or the database is not as it must be; ends the process
        │   ├── NotAllowed the user that the settings name may not
        │   └── Unusable   a file that the settings name cannot be opened or written
        └── NotFound       what was asked for does not exist

A failed deployment is a fact, not an error. A configuration's errors are values (`configuration.Problem`), because
they are reported together.
"""

MUST_BE_WRITABLE = "the file and its folder must be there and writable by this user"


class DeployDBError(Exception):
    """Everything that DeployDB raises on purpose."""


class Transient(DeployDBError):
    """It may work in a moment. Callers pause with backoff and try again."""


class Permanent(DeployDBError):
    """It will not work however often it is tried."""


class MessageRejected(Permanent):
    """One message that cannot be taken.

    `reason` is for people and says what to do; `path` names the offending field (`$.artifact.version`). `data`: the
    reason for programs, in JSON, where it has a code.
    """

    data: str | None = None

    def __init__(self, reason: str, *, path: str = "$") -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason
        self.path = path


class Forbidden(MessageRejected):
    """Its publisher may not say it. `lacks`: which right, as in `access_reasons.Lack`."""

    def __init__(self, reason: str, *, path: str, lacks: str, data: str) -> None:
        super().__init__(reason, path=path)
        self.lacks = lacks
        self.data = data


class Misconfigured(Permanent):
    """A setting, queue, exchange or schema is not as it must be. It does not resolve itself."""


class NotFound(Permanent):
    """What was asked for does not exist; the message names it."""


class NotAllowed(Misconfigured):
    """The user of the settings is unknown or may not do it; the message says what would be needed."""


class Unusable(Misconfigured):
    """A file that the settings name cannot be opened or written; the message says by what."""
