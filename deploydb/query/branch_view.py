"""A version that does not come to a lane, since the lane's pipeline takes other versions."""

from msgspec import Struct

from deploydb.domain.formatting import listed
from deploydb.domain.wording import text
from deploydb.engine.unblock import Unblock, promote_or_take
from deploydb.query.bodies import ReasonBody, body_of
from deploydb.store.queries.branches import BranchView


class BranchBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """The reason, and the environments that it goes through. `passes_by`: the stages before the lane that a promotion
    of the version to it passes by."""

    reason: ReasonBody
    goes_to: list[str]
    passes_by: list[str]


def branch_body(view: BranchView) -> BranchBody:
    """As an answer gives it."""
    return body_of(BranchBody, view, goes_to=list(view.goes_to), passes_by=list(view.passes_by))


def branch_answer(view: BranchView, environment: str) -> str:
    """`1.9.9 is not in prod: main takes 1.10.*, not 1.9.9; it goes to dev-19 and prod-19`."""
    elsewhere = f"; it goes to {listed(view.goes_to, 'and')}" if view.goes_to else ""
    return f"{view.release.artifact.version} is not in {environment}: {text(view.reason)}{elsewhere}"


def branch_unblock(view: BranchView, service: str, environment: str) -> Unblock | None:
    """What brings the version there."""
    return Unblock(instead=promote_or_take(service, environment, view.elsewhere)) if view.elsewhere else None
