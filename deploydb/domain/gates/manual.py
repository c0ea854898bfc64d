"""`ManualPromotion`: people say yes."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from deploydb.domain.evidence import Approval
from deploydb.domain.gates.asked import Asked
from deploydb.domain.gates.words import counted, in_words, listed
from deploydb.domain.promotions import ManualPromotion
from deploydb.domain.state import Outcome, Verdict


class Votes(Struct, frozen=True, kw_only=True):
    """The words on a manual promotion, each person's latest one. `given` counts; `notes` says what does not, and why.

    `missing`: how many more are needed; `groups`: of whom, where that matters.
    """

    given: tuple[Approval, ...]
    refused: tuple[Approval, ...]
    notes: tuple[str, ...]
    missing: int
    groups: tuple[str, ...]
    inputs: tuple[int, ...]


def manual(promotion: ManualPromotion, asked: Asked) -> Verdict:
    """Enough different people said yes, and nobody no, within the timeout of being asked."""
    ident = promotion.ident
    votes = count(promotion, asked)
    if votes.refused:
        refusals = [f"{word.by}: {word.comment}" if word.comment else word.by for word in votes.refused]
        reason = f"{ident} refused by {', '.join(refusals)}"
        return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason, inputs=votes.inputs)
    people = [word.by for word in votes.given]
    if not votes.missing:
        reason = f"approved by {', '.join(people)}"
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=reason, inputs=votes.inputs)
    reason = f"waits for {wanted(votes)}"
    if people:
        reason += f" beside {', '.join(people)}"
    reason += "".join(f"; {note}" for note in votes.notes)
    if promotion.timeout is None:
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, inputs=votes.inputs)
    before = asked.before.get(ident)
    # the clock runs from when they were asked: the last verdict remembers it, also once it has run out
    due = before.recheck_at if before is not None and before.recheck_at is not None else asked.now + promotion.timeout
    if asked.now >= due:
        reason = f"{ident} was not approved within {in_words(promotion.timeout)}: {reason}"
        return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason, recheck_at=due, inputs=votes.inputs)
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, recheck_at=due, inputs=votes.inputs)


def count(promotion: ManualPromotion, asked: Asked) -> Votes:
    """Whose word counts. Each person's latest word, once, on this very file, of a member of the groups."""
    release = asked.deployment.release
    said: dict[str, Approval] = {}
    for word in sorted(asked.evidence.approvals, key=lambda one: one.at):
        if word.promotion == promotion.ident:
            said[word.by] = word
    words = [said[person] for person in sorted(said)]
    notes = {}
    for word in words:
        if word.digest is not None and word.digest != release.artifact.digest:
            notes[word.by] = f"{word.by}'s word is on another file ({word.digest})"
        elif promotion.groups and not groups_of(word.by, promotion.groups, asked.groups):
            notes[word.by] = f"{word.by} is not in {listed(promotion.groups, 'or')} and does not count"
        elif word.given and word.by == release.published_by and not promotion.allow_author:
            notes[word.by] = f"{word.by} published it and does not count"
    counting = [word for word in words if word.by not in notes]
    given = [word for word in counting if word.given]
    reached, free = len(given), promotion.groups
    if promotion.distinct_groups:
        spoken_for = _matched([word.by for word in given], promotion.groups, asked.groups)
        reached = len(spoken_for)
        free = tuple(group for group in promotion.groups if group not in spoken_for)
    return Votes(
        given=tuple(given),
        refused=tuple(word for word in counting if not word.given),
        notes=tuple(notes.values()),
        missing=max(promotion.approvals - reached, 0),
        groups=free,
        inputs=tuple(word.event for word in words if word.event is not None),
    )


def wanted(votes: Votes) -> str:
    """`2 approvals of sre or qa`."""
    of = f" of {listed(votes.groups, 'or')}" if votes.groups else ""
    return counted(votes.missing, "approval") + of


def groups_of(person: str, groups: Sequence[str], members: Mapping[str, frozenset[str]]) -> list[str]:
    """Those of the groups that the person is in."""
    return [group for group in groups if person in members.get(group, ())]


def _matched(people: Sequence[str], groups: Sequence[str], members: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """As many groups as can each have a person of their own, with that person: a maximum matching."""
    chosen: dict[str, str] = {}

    def find(person: str, tried: set[str]) -> bool:
        for group in groups_of(person, groups, members):
            if group not in tried:
                tried.add(group)
                if group not in chosen or find(chosen[group], tried):
                    chosen[group] = person
                    return True
        return False

    for person in people:
        find(person, set())
    return chosen
