"""When a release is expected in the stages of its flow."""

from collections.abc import Sequence

from msgspec import Struct

from deploydb.query.bodies import body_of
from deploydb.query.pages.page import narrowed
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.plan import Span, plan_of
from deploydb.store.queries.deployments import DeploymentView


class Expected(Struct, frozen=True, kw_only=True, rename="camel"):
    """When a release is expected to enter a stage, and to be through with it; null: that is past, or unknown.
    `enteredApproved`, `verifiedApproved`: as of `plan`."""

    entered: Span | None
    verified: Span | None
    entered_approved: str | None
    verified_approved: str | None


def expectations(asked: RequestContext, flow: int, deployments: Sequence[DeploymentView]) -> dict[str, Expected]:
    """As of `plan`, of one flow alone, by environment; nothing of what is over, or is not configured any more."""
    last = {one.environment: one for one in deployments}
    if not any(one.needs_evaluation for one in last.values()):
        return {}
    release = deployments[0]
    if release.service not in asked.catalog.services:
        return {}
    about = narrowed(asked, {"version": release.artifact.version}, {"service": release.service})
    return {
        one.environment: body_of(Expected, one)
        for one in plan_of(about, flow).stages
        if one.environment in last and (one.entered is not None or one.verified is not None)
    }
