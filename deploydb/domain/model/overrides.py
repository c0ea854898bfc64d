"""What people have ordered: holds that stop automation, hotfixes that go ahead, rollbacks and retries that they
want.

A hold's scope is what its fields name. Holds of one scope stand beside each other, each with an id; of each the latest
word, placed or lifted, by `(time, source, id)` counts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from deploydb.domain.model.admission_reasons import Frozen, Held, Paused, Pinned, Vetoed
from deploydb.domain.model.evidence import Approval
from deploydb.domain.model.facts import EVERY_HOLD
from deploydb.domain.model.latest_fact import LatestFact
from deploydb.domain.model.reason_parts import Comment

Kind = Literal["pin", "veto", "freeze", "pause"]


class Hold(LatestFact, frozen=True, kw_only=True):
    """The latest word on one hold. What a field does not name (None) it does not narrow.

    `hold`: its id in its scope; `EVERY_HOLD`: the last end of all that stood there. `recorded_at`: by our clock; None:
    of an older DeployDB.
    """

    kind: Kind
    hold: str = EVERY_HOLD
    service: str | None
    environment: str | None
    version: str | None
    by: str
    placed: bool = True
    reason: str | None = None
    begins: datetime | None = None
    until: datetime | None = None
    recorded_at: datetime | None = None

    @property
    def scope(self) -> tuple[str, ...]:
        """What it is over. Of a pin, the lane, whatever the version."""
        version = self.version if self.kind == "veto" else None
        return (self.kind, self.service or "", self.environment or "", version or "")

    @property
    def key(self) -> tuple[str, ...]:
        """What it is the latest word on."""
        return (*self.scope, self.hold)

    def stands(self, now: datetime) -> bool:
        """Whether it holds at this time."""
        return self.placed and (self.begins is None or self.begins <= now) and not self.is_over(now)

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended by itself."""
        return self.until is not None and self.until <= now

    def stood_at(self, word: Approval) -> bool:
        """Whether it stood when the word was recorded, whatever times their sources give."""
        if self.begins is not None and self.begins > word.known_at:
            return False
        if self.recorded_at is None or word.recorded_at is None:
            return self.at < word.at
        return (self.recorded_at, self.at) < (word.recorded_at, word.at)

    def turn_after(self, now: datetime) -> datetime | None:
        """When it begins or ends by itself next."""
        return min((at for at in (self.begins, self.until) if at is not None and at > now), default=None)

    @property
    def held(self) -> Held:
        """The hold as a reason."""
        return _HELD[self.kind](
            service=self.service,
            environment=self.environment,
            version=self.version,
            by=self.by,
            comment=self.reason,
            begins=self.begins,
            until=self.until,
        )


_HELD: dict[Kind, type[Held]] = {"pin": Pinned, "veto": Vetoed, "freeze": Frozen, "pause": Paused}


class Hotfix(LatestFact, frozen=True, kw_only=True):
    """A version that goes ahead of the others, past some stages."""

    service: str
    version: str
    skip: tuple[str, ...]
    by: str
    reason: str

    @property
    def comment(self) -> Comment:
        """The person's words, as part of a reason."""
        return Comment(by=self.by, comment=self.reason)


class PromotionRequest(LatestFact, frozen=True, kw_only=True):
    """A version that a person wants in one lane: ahead of the others there, past some stages on its way there.

    `recorded_at`: when it was heard of, by the clock that decisions have.
    """

    recorded_at: datetime
    service: str
    environment: str
    version: str
    skip: tuple[str, ...]
    by: str
    reason: str

    @property
    def comment(self) -> Comment:
        """The person's words, as part of a reason."""
        return Comment(by=self.by, comment=self.reason)


class RollbackRequest(LatestFact, frozen=True, kw_only=True):
    """A rollback that a person asked for, and that nothing has come of yet. `recorded_at`: when it was heard of."""

    event: int
    recorded_at: datetime
    environment: str
    by: str
    reason: str
    version: str | None = None
    from_version: str | None = None
    module: str | None = None


class RetryRequest(LatestFact, frozen=True, kw_only=True):
    """Another attempt that a person asked for, and that nothing has come of yet."""

    event: int
    environment: str
    version: str
    by: str
    reason: str
    module: str | None = None
    skip: tuple[str, ...] = ()


def unlifted(words: Iterable[Hold]) -> list[Hold]:
    """The holds that stand or are to begin, or have ended by themselves, of the latest word on each."""
    known = list(words)
    ends = {word.scope: word.at for word in known if word.hold == EVERY_HOLD and not word.placed}
    return [word for word in known if word.placed and not (word.scope in ends and word.at < ends[word.scope])]


def standing(
    holds: Iterable[Hold], kind: Kind, *, environments: Sequence[str | None], version: str | None, now: datetime
) -> list[Hold]:
    """The holds of a kind that stand over any of the environments (None: over all), in the order of their keys.

    `version`: only those on this one; None for kinds that are not about a version.
    """
    found = (
        hold
        for hold in holds
        if hold.kind == kind
        and hold.stands(now)
        and hold.environment in environments
        and (version is None or hold.version == version)
    )
    return sorted(found, key=lambda hold: hold.key)
