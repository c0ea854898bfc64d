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


def require_version(service: str, version: str, environment: str | None = None) -> None:
    """Raises: NotFound where the service has no such version in an environment, or without one in any of its stages;
    Transient without an answer."""
    unknown = ask("names", service=service, environment=environment, version=version)["unknown"]
    if unknown:
        raise NotFound("; ".join(one["why"] for one in unknown))
