"""The keys of promotions/NAME.yml, by the promotion's type. The JSON Schema is generated from these."""

from datetime import timedelta
from typing import Annotated, Literal, get_args, get_type_hints

from msgspec import Meta, Struct, field

from deploydb.configuration.documents import Description, Names
from deploydb.configuration.expressions import ExpressionDocument
from deploydb.configuration.windows import WindowPromotionDocument

_TEMPLATE = (
    "May hold {service}, {environment}, {version}, {deployment}, {group}, {name}, {digest} and {commit} of the "
    "deployment."
)


class VerificationDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: jobs must report that they passed. BasicPromotion and JenkinsPromotion are the same."""

    type_: Annotated[
        Literal["VerificationPromotion", "BasicPromotion", "JenkinsPromotion"],
        Meta(description="Jobs report whether they passed."),
    ]
    description: Description = ""
    jobs: Annotated[
        Names, Meta(description="The jobs, each of which must pass. By default one, of the promotion's own name.")
    ] = []
    timeout: Annotated[
        timedelta | None,
        Meta(description="How long after the deployment the reports may come; then it counts as failed."),
    ] = None


class ManualDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: people must approve."""

    type_: Annotated[Literal["ManualPromotion"], Meta(description="People approve, or refuse.")]
    description: Description = ""
    approvals: Annotated[int, Meta(ge=1, le=100, description="How many different people.")] = 1
    groups: Annotated[
        Names, Meta(description="Only members of these groups of access.yml count. By default all people.")
    ] = []
    distinct_groups: Annotated[bool, Meta(description="Whether each approval must come from another group.")] = False
    allow_author: Annotated[bool, Meta(description="Whether the publisher of the artifact may approve.")] = True
    timeout: Annotated[
        timedelta | None, Meta(description="How long people have from the request on; then it counts as failed.")
    ] = None


class SoakDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: the version must have run for the duration, verified and without an incident."""

    type_: Annotated[Literal["SoakPromotion"], Meta(description="The version must have run for a time.")]
    duration: Annotated[timedelta, Meta(description="How long, such as 2h or 1d.")]
    description: Description = ""


class DependsOnDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: another service must run in an environment, with success."""

    type_: Annotated[Literal["DependsOnPromotion"], Meta(description="Another service must have succeeded.")]
    service: Annotated[str, Meta(description="The other service.")]
    environment: Annotated[str, Meta(description="Its environment.")]
    version: Annotated[
        Annotated[str, Meta(max_length=255)] | None,
        Meta(description="Its version, or a PEP 440 range (`>=2.1,<3`). By default any."),
    ] = None
    artifact: Annotated[
        str | None, Meta(description="Which of its modules (`group:name`). By default all of them.")
    ] = None
    description: Description = ""


class WebhookPromotionDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: a URL must answer as expected."""

    type_: Annotated[Literal["WebhookPromotion"], Meta(description="A URL must answer.")]
    url: Annotated[str, Meta(max_length=8192, description=f"The URL. {_TEMPLATE}")]
    method: Annotated[Literal["GET", "POST"], Meta(description="The method of the request.")] = "GET"
    body: Annotated[
        Annotated[str, Meta(max_length=8192)] | None, Meta(description=f"The body of a POST. {_TEMPLATE}")
    ] = None
    headers: Annotated[dict[str, str], Meta(description="Further headers of the request.")] = {}
    expect: Annotated[list[int], Meta(description="The statuses that pass.", extra_json_schema={"minItems": 1})] = (
        field(default_factory=lambda: [200])
    )
    timeout: Annotated[timedelta, Meta(description="How long one answer may take.")] = timedelta(seconds=10)
    interval: Annotated[timedelta, Meta(description="The time between two requests.")] = timedelta(seconds=30)
    retries: Annotated[int, Meta(ge=0, le=10_000, description="How many further requests; then it has failed.")] = 10
    description: Description = ""


class MetricDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type", "for_": "for"}):
    """promotions/NAME.yml: a metric must be on the right side of a threshold."""

    type_: Annotated[Literal["MetricPromotion"], Meta(description="A Prometheus query must pass.")]
    prometheus: Annotated[str, Meta(max_length=8192, description="Its address, such as http://prometheus:9090.")]
    query: Annotated[
        str, Meta(max_length=8192, description=f"A PromQL query with one value. {_TEMPLATE} Each within a string.")
    ]
    above: Annotated[float | None, Meta(description="The value must be greater than this.")] = None
    below: Annotated[float | None, Meta(description="The value must be less than this.")] = None
    for_: Annotated[timedelta, Meta(description="How long without a break.")] = timedelta(0)
    interval: Annotated[timedelta, Meta(description="The time between two queries.")] = timedelta(seconds=30)
    timeout: Annotated[timedelta, Meta(description="How long it may take; then it has failed.")] = timedelta(hours=1)
    description: Description = ""


class ProvenanceDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: a trusted signer must vouch for the digest of the artifact."""

    type_: Annotated[Literal["ProvenancePromotion"], Meta(description="The artifact's digest must be attested.")]
    signers: Annotated[Names, Meta(description="The signers that may vouch for it.", extra_json_schema={"minItems": 1})]
    kinds: Annotated[
        Names, Meta(description="The kinds of attestations that are needed, such as signature. By default any.")
    ] = []
    description: Description = ""


PromotionDocument = (
    VerificationDocument
    | ManualDocument
    | SoakDocument
    | WindowPromotionDocument
    | DependsOnDocument
    | WebhookPromotionDocument
    | MetricDocument
    | ExpressionDocument
    | ProvenanceDocument
)

PROMOTION_TYPES: dict[str, type[PromotionDocument]] = {
    name: document
    for document in get_args(PromotionDocument)
    for name in get_args(get_type_hints(document)["type_"])  # of the Literal
}
