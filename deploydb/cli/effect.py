"""The effect of a person's word or order, checked before it is published."""

from deploydb.cli.client import Body, ask
from deploydb.domain.model.errors import NotFound, Permanent, Transient


def require_counts(
    order: str, service: str, environment: str, version: str, *, early: bool = False, **given: str | None
) -> Body | None:
    """The answer of a word or an order that counts; None without an answer, and for an `early` one.

    Raises: NotFound where there is no such version in the lane; Permanent where it would not count.
    """
    try:
        answer = ask("check", service, environment, order=order, version=version, **given)
    except Transient:
        return None
    except NotFound as error:
        if early:
            return None
        raise NotFound(f"{error}; --early keeps it for a version that is still to come") from error
    if not answer["counts"]:
        raise Permanent(f"it would not count: {answer['why']}")
    return answer


def require_version(service: str, version: str) -> None:
    """Raises: NotFound where the service has no such version in any of its stages; Transient without an answer."""
    stages = [lane["environment"] for lane in ask("status", service=service)["lanes"]]
    missing: NotFound | None = None
    for stage in stages:
        try:
            ask("why", service, stage, version=version)
        except NotFound as error:
            missing = error
        else:
            return
    if missing is not None:
        raise NotFound(f"{missing}; --early is for a version that is still to come")
