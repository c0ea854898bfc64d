"""`ManualPromotion`: people say yes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from deploydb.domain.formatting import listed
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Checks, Names, Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.evidence import Approval
from deploydb.domain.model.gate_reasons import (
    ApprovalDeferred,
    ApprovalRefused,
    ApprovalTimedOut,
    Approved,
    AwaitingApproval,
)
from deploydb.domain.model.reason_parts import Comment, UncountedVote

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Votes(Struct, frozen=True, kw_only=True):
    """The votes on a manual promotion, each person's latest one. `given` counts, `uncounted` does not.

    `missing`: how many more are needed; `groups`: of whom, where that matters.
    """

    given: tuple[Approval, ...]
    refused: tuple[Approval, ...]
    uncounted: tuple[UncountedVote, ...]
    missing: int
    groups: tuple[str, ...]
    inputs: tuple[int, ...]


class ManualPromotion(Promotion, frozen=True, kw_only=True):
    """Passes when enough people have approved, and no one has refused. They are asked once the other gates have
    passed. An earlier approval stands."""

    types: ClassVar[Names] = ("ManualPromotion",)
    turn: ClassVar[int] = 2
    starves: ClassVar[bool] = True
    asks_people: ClassVar[bool] = True

    approvals: Annotated[int, Meta(ge=1, le=100, description="How many different people.")] = 1
    groups: Annotated[
        Names, Meta(description="Only members of these groups of access.yml count. By default all people.")
    ] = ()
    attributes: Annotated[
        dict[str, str],
        Meta(description="`allowedGroup` is the one of `groups` in files of later releases of v1."),
    ] = {}  # noqa: RUF012  # msgspec copies it
    distinct_groups: Annotated[bool, Meta(description="Whether each approval must come from another group.")] = False
    allow_author: Annotated[
        bool,
        Meta(
            description="Whether the author of the artifact's commit and who triggered its build may approve, "
            "where its publication names them; else whether its publisher may."
        ),
    ] = True
    timeout: Annotated[
        timedelta | None,
        Meta(description="How long people have from the request on; then it has failed, until one approves later."),
    ] = None

    def configured(self, checks: Checks) -> Promotion:
        group = self.attributes.get("allowedGroup")
        self.check(checks)
        if group is None:
            return self
        if self.groups:
            checks.problem(("attributes",), "names a group beside groups: keep one of them", key=True)
        return replace(self, groups=(group,))  # an unknown one too: files of v1 come without access.yml

    def check(self, checks: Checks) -> None:
        checks.refer(("groups",), self.groups, "group")
        if self.distinct_groups and self.approvals > len(set(self.groups)):
            wanted = f"{self.approvals} approvals of distinct groups need as many groups"
            checks.problem(("distinct_groups",), f"{wanted}; there are {len(set(self.groups))}")

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """People are asked once what need not ask them has passed. An approval that they have given stands."""
        verdict = self._counted(context)
        unmet = tuple(
            one.ident for one, result in others if result.outcome is not GateStatus.PASS and not one.asks_people
        )
        ran_out = verdict.outcome is GateStatus.FAIL and verdict.recheck_at is not None and not self._expired(context)
        if not unmet or (verdict.outcome is not GateStatus.PENDING and not ran_out):
            return verdict
        return context.verdict(self.ident, GateStatus.PENDING, ApprovalDeferred(unmet=unmet), inputs=verdict.inputs)

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        votes = count(self, context)
        parts = []
        if votes.refused:
            parts.append(f"{listed([word.by for word in votes.refused])} to take back the refusal of {self.ident}")
        missing = max(votes.missing, 1) if isinstance(verdict.reason, ApprovalTimedOut) else votes.missing
        if missing:
            number = _NUMBERS[missing] if missing < len(_NUMBERS) else str(missing)
            of = f" of {listed(votes.groups, 'or')}" if votes.groups else ""
            other = " different" if self.distinct_groups and missing > 1 else ""
            parts.append(f"{number}{other} approval{'s' if missing > 1 else ''}{of}")
        if not parts or isinstance(verdict.reason, ApprovalDeferred):
            return None
        return Requirement(kind="approval", text=" and ".join(parts))

    def answer(self, context: GateContext) -> tuple[bool, bool] | None:
        votes = count(self, context)
        return not votes.missing, bool(votes.refused)

    def _expired(self, context: GateContext) -> tuple[timedelta, datetime] | None:
        """The time that people had, and when it was over; None while it is not."""
        before = context.before.get(self.ident)
        if before is None or before.recheck_at is None or not isinstance(before.reason, ApprovalTimedOut):
            return None
        return before.reason.timeout, before.recheck_at

    def _counted(self, context: GateContext) -> Verdict:
        """Enough different people approve, and none refuses, within the timeout of being asked; after it, an approval
        that is given then reopens the request."""
        ident = self.ident
        votes = count(self, context)
        if votes.refused:
            refusals = tuple(Comment(by=word.by, comment=word.comment) for word in votes.refused)
            refused = ApprovalRefused(promotion=ident, refusals=refusals)
            return context.verdict(ident, GateStatus.FAIL, refused, inputs=votes.inputs)
        people, expired = tuple(word.by for word in votes.given), self._expired(context)
        if not votes.missing and (expired is None or any(word.known_at >= expired[1] for word in votes.given)):
            return context.verdict(ident, GateStatus.PASS, Approved(by=people), inputs=votes.inputs)
        reason = AwaitingApproval(
            missing=max(votes.missing, 1), groups=votes.groups, approved_by=people, uncounted=votes.uncounted
        )
        if expired is not None:
            late = ApprovalTimedOut(promotion=ident, timeout=expired[0], awaiting=reason)
            return context.verdict(ident, GateStatus.FAIL, late, recheck_at=expired[1], inputs=votes.inputs)
        if self.timeout is None:
            return context.verdict(ident, GateStatus.PENDING, reason, inputs=votes.inputs)
        before = context.before.get(ident)
        # the clock runs from when they were asked: the last verdict remembers it, also once it has run out
        due = before.recheck_at if before is not None and before.recheck_at is not None else context.now + self.timeout
        if context.now >= due:
            late = ApprovalTimedOut(promotion=ident, timeout=self.timeout, awaiting=reason)
            return context.verdict(ident, GateStatus.FAIL, late, recheck_at=due, inputs=votes.inputs)
        return context.verdict(ident, GateStatus.PENDING, reason, recheck_at=due, inputs=votes.inputs)


def count(promotion: ManualPromotion, context: GateContext) -> Votes:
    """Whose word counts. Each person's latest word, once, on this very file, of a member of the groups."""
    release = context.deployment.release
    latest: dict[str, Approval] = {}
    for word in sorted(context.evidence.approvals, key=lambda one: one.at):
        if word.promotion == promotion.ident:
            latest[word.by] = word
    words = [latest[person] for person in sorted(latest)]
    uncounted = {}
    for word in words:
        if word.digest is not None and word.digest != release.artifact.digest:
            uncounted[word.by] = UncountedVote(by=word.by, cause="other_file", digest=word.digest)
        elif promotion.groups and not groups_of(word.by, promotion.groups, context.groups):
            uncounted[word.by] = UncountedVote(by=word.by, cause="not_in_groups", groups=promotion.groups)
        elif word.given and word.by in release.authors and not promotion.allow_author:
            cause: Literal["publisher", "author"] = "publisher" if word.by == release.published_by else "author"
            uncounted[word.by] = UncountedVote(by=word.by, cause=cause)
    counting = [word for word in words if word.by not in uncounted]
    given = [word for word in counting if word.given]
    reached, free = len(given), promotion.groups
    if promotion.distinct_groups:
        spoken_for = _matched([word.by for word in given], promotion.groups, context.groups)
        reached = len(spoken_for)
        free = tuple(group for group in promotion.groups if group not in spoken_for)
    return Votes(
        given=tuple(given),
        refused=tuple(word for word in counting if not word.given),
        uncounted=tuple(uncounted.values()),
        missing=max(promotion.approvals - reached, 0),
        groups=free,
        inputs=tuple(word.event for word in words if word.event is not None),
    )


def most_approvals(promotion: ManualPromotion, members: Mapping[str, frozenset[str]]) -> int:
    """How many approvals the members of its groups can give that count."""
    people = sorted({person for group in promotion.groups for person in members.get(group, ())})
    return len(_matched(people, promotion.groups, members)) if promotion.distinct_groups else len(people)


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
