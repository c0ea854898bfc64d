"""What may stand in each kind of file, key by key. The JSON Schema is made from these."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

Description = Annotated[str, Meta(max_length=8192, description="What it is, for people.")]
Names = list[str]
Urls = list[Annotated[str, Meta(max_length=8192, extra_json_schema={"pattern": "^https?://"})]]
Modules = list[Annotated[str, Meta(max_length=8192, extra_json_schema={"pattern": r"^[^:\s]+:[^:\s]+$"})]]


class ServiceDocument(Struct, kw_only=True, frozen=True):
    """services/NAME.yml: what is deployed as one."""

    description: Description = ""
    artifacts: Annotated[Modules, Meta(description="The modules it is made of, each `group:name`.")] = []
    pipelines: Annotated[
        Names, Meta(description="The pipelines that its releases go through.", extra_json_schema={"minItems": 1})
    ] = []
    promotions: Annotated[Names, Meta(description="Promotions that must pass in every stage.")] = []
    failure_strategy: Annotated[
        str,
        Meta(
            description="What follows a failure. `stop`: the release goes no further until people have looked.",
            extra_json_schema={"pattern": "^[Ss][Tt][Oo][Pp]$", "examples": ["stop"]},
        ),
    ] = "stop"
    order: Annotated[
        Literal["published", "version"],
        Meta(description="What makes a version newer: published later, or a higher version number."),
    ] = "published"


class DefaultsDocument(Struct, kw_only=True, frozen=True):
    """services/_defaults.yml: what holds for every service besides its own."""

    artifacts: Annotated[Modules, Meta(description="Modules that belong to every service.")] = []
    promotions: Annotated[Names, Meta(description="Promotions that must pass in every stage of every service.")] = []


class AfterDocument(Struct, kw_only=True, frozen=True):
    """Stages that come before one: all of them, or any of them, must have succeeded."""

    all: Annotated[Names | None, Meta(description="Each of these must have succeeded.")] = None
    any: Annotated[Names | None, Meta(description="One of these must have succeeded.")] = None


class StageDocument(Struct, kw_only=True, frozen=True):
    """An environment's place in a pipeline."""

    promotions: Annotated[Names, Meta(description="Promotions that must pass before anything leaves this stage.")] = []
    after: Annotated[
        str | Names | AfterDocument | None,
        Meta(
            description="The stages before this one: a name, a list (all of them), {all: […]} or {any: […]}. "
            "By default the one above it in the file; [] starts a new branch."
        ),
    ] = None
    while_verifying: Annotated[
        Literal["replace", "wait"] | None,
        Meta(
            description="Whether a newer version may take the place of one that is still being verified. By default "
            "`wait` where a soak or a person is asked, else `replace`."
        ),
    ] = None


class PipelineDocument(Struct, kw_only=True, frozen=True):
    """pipelines/NAME.yml: environments, in the order in which releases reach them."""

    environments: Annotated[
        dict[str, StageDocument | None],
        Meta(description="The stages, in order.", extra_json_schema={"minProperties": 1}),
    ]
    description: Description = ""


class DeploymentWebhooksDocument(Struct, kw_only=True, frozen=True):
    """Who is called when a deployment reaches a state."""

    created: Annotated[Urls | None, Meta(description="Called when the command to deploy is decided.")] = None
    started: Annotated[Urls | None, Meta(description="Called when the orchestrator has begun.")] = None
    completed: Annotated[
        Urls | None, Meta(description="Called when it is deployed and its promotions are under way.")
    ] = None
    verified: Annotated[Urls | None, Meta(description="Called when all of its promotions have passed.")] = None
    failed: Annotated[Urls | None, Meta(description="Called when it has failed, or one of its promotions has.")] = None


class PromotionWebhooksDocument(Struct, kw_only=True, frozen=True):
    """Who is called when a promotion reaches a state."""

    completed: Annotated[Urls | None, Meta(description="Called when a promotion has passed or failed.")] = None


class WebhookDocument(Struct, kw_only=True, frozen=True):
    """webhook/NAME.yml, and `webhooks` of an environment: who is called when something changes state."""

    deployment: Annotated[
        DeploymentWebhooksDocument | None, Meta(description="Addresses by the state that a deployment reaches.")
    ] = None
    promotion: Annotated[
        PromotionWebhooksDocument | None, Meta(description="Addresses by the state that a promotion reaches.")
    ] = None


class EnvironmentDocument(Struct, kw_only=True, frozen=True):
    """environments/NAME.yml: where services run."""

    description: Description = ""
    orchestrator: Annotated[str, Meta(description="The orchestrator whose queue gets its deploy commands.")] = "default"
    entry: Annotated[Names, Meta(description="Promotions that must pass before anything enters it.")] = []
    deadline: Annotated[
        timedelta, Meta(description="How long a deployment may take before it counts as failed, such as 15m.")
    ] = timedelta(hours=1)
    webhooks: Annotated[
        WebhookDocument | None, Meta(description="Who is called for this environment, beside those of webhook/.")
    ] = None


class VerificationDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: a job must report that it passed. BasicPromotion and JenkinsPromotion are the same."""

    type_: Annotated[
        Literal["VerificationPromotion", "BasicPromotion", "JenkinsPromotion"],
        Meta(description="A job reports whether it passed."),
    ]
    description: Description = ""
    timeout: Annotated[
        timedelta | None,
        Meta(description="How long after the deployment the report may come; then it counts as failed."),
    ] = None


class ManualDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: people must say yes."""

    type_: Annotated[Literal["ManualPromotion"], Meta(description="People approve, or refuse.")]
    description: Description = ""
    approvals: Annotated[int, Meta(ge=1, le=100, description="How many different people.")] = 1
    allow_author: Annotated[bool, Meta(description="Whether who published the artifact counts as one of them.")] = True


class SoakDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: the version must have run for a while."""

    type_: Annotated[Literal["SoakPromotion"], Meta(description="Time must pass.")]
    duration: Annotated[timedelta, Meta(description="How long, such as 2h or 1d.")]
    description: Description = ""


PromotionDocument = VerificationDocument | ManualDocument | SoakDocument

PROMOTION_TYPES: dict[str, type[VerificationDocument] | type[ManualDocument] | type[SoakDocument]] = {
    "VerificationPromotion": VerificationDocument,
    "BasicPromotion": VerificationDocument,
    "JenkinsPromotion": VerificationDocument,
    "ManualPromotion": ManualDocument,
    "SoakPromotion": SoakDocument,
}
