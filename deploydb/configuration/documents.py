"""What may stand in each kind of file, key by key. The JSON Schema is made from these."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

Description = Annotated[str, Meta(description="What it is, for people.")]
Names = list[str]
Urls = Annotated[list[str], Meta(description="http or https addresses, each called with a POST.")]


class ServiceDocument(Struct, kw_only=True, frozen=True):
    """services/NAME.yml: what is deployed as one."""

    description: Description = ""
    artifacts: Annotated[Names, Meta(description="The modules it is made of, each `group:name`.")] = []
    pipelines: Annotated[Names, Meta(description="The pipelines that its releases go through.")] = []
    promotions: Annotated[Names, Meta(description="Promotions that must pass in every stage.")] = []
    failure_strategy: Annotated[
        str, Meta(description="What follows a failure. `stop`: the release goes no further until people have looked.")
    ] = "stop"
    order: Annotated[
        Literal["published", "version"],
        Meta(description="What makes a version newer: published later, or a higher version number."),
    ] = "published"


class DefaultsDocument(Struct, kw_only=True, frozen=True):
    """services/_defaults.yml: what holds for every service besides its own."""

    artifacts: Annotated[Names, Meta(description="Modules that belong to every service.")] = []
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

    environments: Annotated[dict[str, StageDocument | None], Meta(description="The stages, in order.")]
    description: Description = ""


class DeploymentWebhooksDocument(Struct, kw_only=True, frozen=True):
    """Who is called when a deployment reaches a state."""

    created: Urls | None = None
    started: Urls | None = None
    completed: Urls | None = None
    verified: Urls | None = None
    failed: Urls | None = None


class PromotionWebhooksDocument(Struct, kw_only=True, frozen=True):
    """Who is called when a promotion reaches a state."""

    completed: Urls | None = None


class WebhookDocument(Struct, kw_only=True, frozen=True):
    """webhook/NAME.yml, and `webhooks` of an environment: who is called when something changes state."""

    deployment: DeploymentWebhooksDocument | None = None
    promotion: PromotionWebhooksDocument | None = None


class EnvironmentDocument(Struct, kw_only=True, frozen=True):
    """environments/NAME.yml: where services run."""

    description: Description = ""
    orchestrator: Annotated[str, Meta(description="The orchestrator whose queue gets its deploy commands.")] = "default"
    entry: Annotated[Names, Meta(description="Promotions that must pass before anything enters it.")] = []
    deadline: Annotated[
        timedelta, Meta(description="How long a deployment may take before it counts as failed, such as 15m.")
    ] = timedelta(hours=1)
    webhooks: WebhookDocument | None = None


class VerificationDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: a job must report that it passed. BasicPromotion and JenkinsPromotion are the same."""

    type_: Literal["VerificationPromotion", "BasicPromotion", "JenkinsPromotion"]
    description: Description = ""
    timeout: Annotated[
        timedelta | None,
        Meta(description="How long after the deployment the report may come; then it counts as failed."),
    ] = None


class ManualDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: people must say yes."""

    type_: Literal["ManualPromotion"]
    description: Description = ""
    approvals: Annotated[int, Meta(ge=1, le=100, description="How many different people.")] = 1
    allow_author: Annotated[bool, Meta(description="Whether who published the artifact counts as one of them.")] = True


class SoakDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: the version must have run for a while."""

    type_: Literal["SoakPromotion"]
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
