"""Why a fact is refused that its publisher may not say."""

from typing import Literal

from deploydb.domain.model.reason_parts import ReasonCase

Lack = Literal[
    "publisher",
    "entry",
    "sources",
    "facts",
    "services",
    "environments",
    "promotions",
    "vouches",
    "verify",
    "veto",
    "freeze",
]
"""What is missing.

publisher     the broker vouches for no user
entry         access.yml does not name the publisher
vouches       it may not send the words of people
verify        only the worker `verify` answers for the promotion
veto, freeze  the person is in no group that may place or lift one
the others    the key of its entry that lacks the name
"""


class NotPermitted(ReasonCase, frozen=True, kw_only=True, tag="not_permitted"):
    """The publisher may not say a fact of this `kind`. `found`: what the fact has and the entry lacks, empty where the
    fact does not say what it is about; `granted`: what the entry has; `person`: who spoke, for `veto` and `freeze`."""

    publisher: str | None
    kind: str
    lacks: Lack
    found: str = ""
    granted: tuple[str, ...] = ()
    person: str | None = None
