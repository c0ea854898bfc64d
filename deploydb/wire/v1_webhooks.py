"""The bodies of v1's webhooks. Receivers compare them whole: no key more, none less, and no charset in the type."""

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

_CONTENT_TYPE = "application/vnd.deploydb.{subject}{state}.v1+json"
_encoder = msgspec.json.Encoder()


class V1Artifact(Struct, frozen=True, kw_only=True, rename="camel"):
    """The artifact of a call."""

    id: int
    group: str
    name: str
    version: str
    source_url: str | None
    created_at: str


class V1PromotionResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """The result that a promotion's call is about."""

    id: int
    promotion: str
    status: str
    info_url: str | None
    created_at: str


class V1DeploymentCall(Struct, frozen=True, kw_only=True, rename="camel"):
    """A call about a deployment."""

    id: int
    artifact: V1Artifact
    status: str
    service: str
    environment: str
    created_at: str


class V1PromotionCall(V1DeploymentCall, frozen=True, kw_only=True, rename="camel"):
    """A call about one of its promotions."""

    promotion_result: V1PromotionResult


def v1_content_type(subject: str, state: str) -> str:
    """Such as `application/vnd.deploydb.deploymentcreated.v1+json`."""
    return _CONTENT_TYPE.format(subject=subject, state=state)


def v1_time(moment: datetime) -> str:
    """Such as `2015-03-14T09:26:53.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode_v1_call(call: V1DeploymentCall) -> str:
    """The body."""
    return _encoder.encode(call).decode()
