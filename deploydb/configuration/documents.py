"""What may stand in each kind of file, key by key. The JSON Schema is made from these."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

Description = Annotated[str, Meta(max_length=8192, description="What it is, for people.")]
Names = list[str]
Urls = list[Annotated[str, Meta(max_length=8192, extra_json_schema={"pattern": "^https?://"})]]
Modules = list[Annotated[str, Meta(max_length=8192, extra_json_schema={"pattern": r"^[^:\s]+:[^:\s]+$"})]]


_STRATEGY = Meta(
    description="What follows a failure: `stop` (people look), `rollback` (the last version that succeeded there is "
    "put back), `full_rollback` (the last one that completed the pipeline is), `ignore` (the release goes on).",
    extra_json_schema={
        "pattern": "^([Ss][Tt][Oo][Pp]|[Rr][Oo][Ll][Ll][Bb][Aa][Cc][Kk]|[Ff][Uu][Ll][Ll][_ -]?[Rr][Oo][Ll][Ll][Bb][Aa]"
        "[Cc][Kk]|[Ii][Gg][Nn][Oo][Rr][Ee])$",
        "examples": ["stop", "rollback", "full_rollback", "ignore"],
    },
)


class RetryDocument(Struct, kw_only=True, frozen=True):
    """How often a deployment that failed is tried again."""

    retries: Annotated[int, Meta(ge=0, le=100, description="How many further attempts.")]
    backoff: Annotated[
        timedelta, Meta(description="The pause before the first of them, such as 30s; it doubles each time.")
    ] = timedelta(seconds=30)


class ServiceDocument(Struct, kw_only=True, frozen=True):
    """services/NAME.yml: what is deployed as one."""

    description: Description = ""
    artifacts: Annotated[Modules, Meta(description="The modules it is made of, each `group:name`.")] = []
    pipelines: Annotated[
        Names, Meta(description="The pipelines that its releases go through.", extra_json_schema={"minItems": 1})
    ] = []
    promotions: Annotated[Names, Meta(description="Promotions that must pass in every stage.")] = []
    failure_strategy: Annotated[str, _STRATEGY] = "stop"
    retry: Annotated[
        RetryDocument | None, Meta(description="How often a failed deployment is tried again before it counts.")
    ] = None
    fail_on_incident: Annotated[
        bool, Meta(description="Whether an incident where a version runs counts as a failure of it.")
    ] = False
    order: Annotated[
        Literal["published", "version"],
        Meta(description="What makes a version newer: published later, or a higher version number."),
    ] = "published"


class AccessDocument(Struct, kw_only=True, frozen=True):
    """access.yml: who belongs to which group, and what groups may do."""

    groups: Annotated[dict[str, Names], Meta(description="The people of each group, by the names they act under.")] = {}
    override_freeze: Annotated[
        Names, Meta(description="The groups whose members may let a release pass a freeze. Nobody, if there is none.")
    ] = []


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
    supersede: Annotated[
        Literal["newest", "queue", "all"] | None,
        Meta(
            description="Which of several waiting releases go through: the `newest` (the others are skipped), or each "
            "in turn, the next once the one before it is verified (`queue`) or deployed (`all`). By default the "
            "pipeline's."
        ),
    ] = None


class ParallelDocument(Struct, kw_only=True, frozen=True):
    """Environments that are not all worked on at a time."""

    environments: Annotated[Names, Meta(description="The stages of the group.", extra_json_schema={"minItems": 2})]
    max_parallel: Annotated[int, Meta(ge=1, le=200, description="How many of them at a time.")] = 1


class PipelineDocument(Struct, kw_only=True, frozen=True):
    """pipelines/NAME.yml: environments, in the order in which releases reach them."""

    environments: Annotated[
        dict[str, StageDocument | None],
        Meta(description="The stages, in order.", extra_json_schema={"minProperties": 1}),
    ]
    supersede: Annotated[
        Literal["newest", "queue", "all"],
        Meta(description="Which of several waiting releases go through a stage, where the stage does not say."),
    ] = "newest"
    parallel: Annotated[
        list[ParallelDocument],
        Meta(description="Groups of environments that are not all worked on at a time: one region after the other."),
    ] = []
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
    failure_strategy: Annotated[str | None, _STRATEGY] = None
    retry: Annotated[
        RetryDocument | None,
        Meta(description="How often a failed deployment is tried again here, in the place of the service's word."),
    ] = None
    fail_on_incident: Annotated[
        bool | None,
        Meta(description="Whether an incident here counts as a failure; else as the service says."),
    ] = None
    webhooks: Annotated[
        WebhookDocument | None, Meta(description="Who is called for this environment, beside those of webhook/.")
    ] = None
