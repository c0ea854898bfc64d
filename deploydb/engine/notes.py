"""Events of DeployDB that note what people should look at, and change nothing."""

from deploydb.engine.decision_event import Noted


class ClockSkewed(Noted, frozen=True, kw_only=True):
    """A source's clock is ahead of ours: of a fact the time was that of its arrival."""

    clock: str
    ahead_seconds: float
    fact: int


class DuplicateDiffered(Noted, frozen=True, kw_only=True):
    """A fact has the source (`origin`) and id of another, of the row `fact`. `other`: and another publisher."""

    origin: str
    ident: str
    sender: str | None
    other: bool
    fact: int
