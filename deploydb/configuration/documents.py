"""The keys of each kind of file. The JSON Schema is generated from these."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from deploydb.configuration.durations import PATTERN
from deploydb.configuration.metadata import MetadataDocument
from deploydb.domain.gates.promotion import Description
from deploydb.domain.model.commands import NotificationType
from deploydb.domain.model.webhooks import CodeHost, WebhookFormat

Names = list[str]
Patterns = list[Annotated[str, Meta(max_length=255)]]
Url = Annotated[str, Meta(max_length=8192, extra_json_schema={"pattern": "^https?://"})]
Urls = list[Url]
Modules = list[Annotated[str, Meta(max_length=16385, extra_json_schema={"pattern": r"^[^:\s]+:[^:\s]+$"})]]


_STRATEGY = Meta(
    description="What follows a failure: `stop` (automation waits for a person), `rollback` (deploy the last version "
    "that succeeded there), `full_rollback` (deploy the last one that completed the pipeline), `ignore` (go on).",
    extra_json_schema={
        "pattern": "^([Ss][Tt][Oo][Pp]|[Rr][Oo][Ll][Ll][Bb][Aa][Cc][Kk]|[Ff][Uu][Ll][Ll][_ -]?[Rr][Oo][Ll][Ll][Bb][Aa]"
        "[Cc][Kk]|[Ii][Gg][Nn][Oo][Rr][Ee])$",
        "examples": ["stop", "rollback", "full_rollback", "ignore"],
    },
)


class RetryDocument(Struct, kw_only=True, frozen=True):
    """How often a failed deployment is retried."""

    retries: Annotated[int, Meta(ge=0, le=100, description="How many further attempts.")]
    backoff: Annotated[
        timedelta, Meta(description="The pause before the first of them, such as 30s; it doubles each time.")
    ] = timedelta(seconds=30)


class ServiceDocument(MetadataDocument, Struct, kw_only=True, frozen=True):
    """services/NAME.yml: modules that are deployed together."""

    description: Description = ""
    artifacts: Annotated[Modules, Meta(description="Its modules, each `group:name`.")] = []
    pipelines: Annotated[Names, Meta(description="The pipelines that its releases go through.")] = []
    promotions: Annotated[Names, Meta(description="Promotions that must pass in every stage.")] = []
    failure_strategy: Annotated[str, _STRATEGY] = "stop"
    retry: Annotated[
        RetryDocument | None, Meta(description="How often a failed deployment is retried before the failure is final.")
    ] = None
    fail_on_incident: Annotated[
        bool, Meta(description="Whether an incident in the environment of a version counts as its failure.")
    ] = False
    order: Annotated[
        Literal["published", "version"],
        Meta(
            description="Which version is newer: the higher one, so that a backport is no update (of commit hashes and "
            "other text, below every version, the one published later), or the one published later."
        ),
    ] = "version"
    bundle: Annotated[
        Literal["commit", "none"],
        Meta(
            description="Whether modules that were published with the same `commit` enter each stage together, are "
            "verified at the same time and rolled back together (`commit`), or each goes its own way (`none`)."
        ),
    ] = "commit"


class DefaultsDocument(Struct, kw_only=True, frozen=True):
    """services/_defaults.yml: modules and promotions of every service, beside its own."""

    artifacts: Annotated[Modules, Meta(description="Modules that belong to every service.")] = []
    promotions: Annotated[Names, Meta(description="Promotions that must pass in every stage of every service.")] = []


class AfterDocument(Struct, kw_only=True, frozen=True):
    """The stages before a stage: all of them, or any of them, must have succeeded."""

    all: Annotated[Names | None, Meta(description="Each of these must have succeeded.")] = None
    any: Annotated[Names | None, Meta(description="One of these must have succeeded.")] = None


class StageDocument(Struct, kw_only=True, frozen=True):
    """An environment's place in a pipeline."""

    promotions: Annotated[Names, Meta(description="Promotions that must pass before a release leaves this stage.")] = []
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
            description="Whether a newer version waits for one whose gates run (`wait`), or takes its turn at the "
            "entry and its place afterwards (`replace`). By default `wait`, with `supersede: all` `replace`."
        ),
    ] = None
    supersede: Annotated[
        Literal["newest", "queue", "all"] | None,
        Meta(
            description="Which of several waiting releases enter: the `newest` (the others are skipped), or all, "
            "each after the one before it is verified (`queue`) or deployed (`all`). By default the pipeline's."
        ),
    ] = None
    together: Annotated[
        bool,
        Meta(
            description="Whether a release that fails in this stage fails in the others of its `parallel` group too, "
            "and the other way round; the failure strategy of the failed stage follows in each of them."
        ),
    ] = False


class ParallelDocument(Struct, kw_only=True, frozen=True):
    """Environments that are not all deployed to at a time."""

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
        Meta(description="Which of several waiting releases enter a stage, where the stage has no `supersede`."),
    ] = "newest"
    parallel: Annotated[
        list[ParallelDocument],
        Meta(description="Groups of environments that are not all deployed to at a time: one region after the other."),
    ] = []
    branches: Annotated[
        Patterns,
        Meta(
            description="The versions that go through it: globs (`1.9.*`) and PEP 440 ranges (`>=1.9,<2`), those of "
            "one at least. `!` before a pattern excludes its versions. By default all go through it.",
            extra_json_schema={"minItems": 1, "examples": [["1.9.*"], ["!1.9.*"], [">=1.10"]]},
        ),
    ] = []
    description: Description = ""


class DeploymentWebhooksDocument(Struct, kw_only=True, frozen=True):
    """The addresses to call when a deployment reaches a state."""

    created: Annotated[Urls | None, Meta(description="Called when the command to deploy is decided.")] = None
    started: Annotated[Urls | None, Meta(description="Called when the orchestrator has begun.")] = None
    completed: Annotated[
        Urls | None, Meta(description="Called when it is deployed and its promotions are under way.")
    ] = None
    verified: Annotated[Urls | None, Meta(description="Called when all of its promotions have passed.")] = None
    failed: Annotated[Urls | None, Meta(description="Called when it has failed, or one of its promotions has.")] = None


class PromotionWebhooksDocument(Struct, kw_only=True, frozen=True):
    """The addresses to call when a promotion reaches a state."""

    completed: Annotated[Urls | None, Meta(description="Called when a promotion has passed or failed.")] = None


class WebhookDocument(Struct, kw_only=True, frozen=True):
    """webhook/NAME.yml, and `webhooks` of an environment: the addresses to call at a change of state."""

    deployment: Annotated[
        DeploymentWebhooksDocument | None, Meta(description="Addresses by the state that a deployment reaches.")
    ] = None
    promotion: Annotated[
        PromotionWebhooksDocument | None, Meta(description="Addresses by the state that a promotion reaches.")
    ] = None


_VARIABLE = {"pattern": "^DEPLOYDB_WEBHOOK_[A-Z0-9_]+$"}


class WebhookFileDocument(WebhookDocument, kw_only=True, frozen=True):
    """webhook/NAME.yml: lists of addresses to call at a change of state; or one `url`, for any notifications; or a code
    host, for reports of deployments."""

    url: Annotated[Url | None, Meta(description="The address to call.")] = None
    url_from: Annotated[
        str | None,
        Meta(
            description="The environment variable of `notify` that has the address, where it is a secret.",
            extra_json_schema=_VARIABLE,
        ),
    ] = None
    types: Annotated[
        list[NotificationType] | None,
        Meta(description="The types of notifications. By default all; of PagerDuty those that it has a use for."),
    ] = None
    services: Annotated[Names, Meta(description="Notifications of these services alone.")] = []
    environments: Annotated[Names, Meta(description="Notifications of these environments alone.")] = []
    format: Annotated[WebhookFormat, Meta(description="The body of a call.")] = "json"
    template: Annotated[
        str | None, Meta(description="With the format `template`: the body, as Jinja2 writes it for a notification.")
    ] = None
    content_type: Annotated[
        str | None,
        Meta(description="With the format `template`: of its body. By default application/json, which is checked."),
    ] = None
    secret_from: Annotated[
        Names,
        Meta(
            max_length=2,
            description="The environment variables of `notify` that have the secrets to sign with, a new and an old "
            "one (Standard Webhooks); of PagerDuty the routing key.",
        ),
    ] = []
    report: Annotated[
        CodeHost | None,
        Meta(description="The code host that gets the status of each deployment of a commit. `url` is its API's."),
    ] = None
    repository: Annotated[
        str | None,
        Meta(
            description="With `report`: owner/name at GitHub, the path or id of a project at GitLab. "
            "Places: {service}, {environment}.",
        ),
    ] = None
    token_from: Annotated[
        str | None,
        Meta(
            description="With `report`: the environment variable of `notify` that has the token.",
            extra_json_schema=_VARIABLE,
        ),
    ] = None


class EnvironmentDocument(Struct, kw_only=True, frozen=True):
    """environments/NAME.yml: a place where services run."""

    description: Description = ""
    orchestrator: Annotated[str, Meta(description="The orchestrator whose queue gets its deploy commands.")] = "default"
    entry: Annotated[Names, Meta(description="Promotions that must pass before a release enters it.")] = []
    deadline: Annotated[
        str,
        Meta(
            description="How long a deployment may take before it counts as failed, such as 15m. `none`: as long as it "
            "takes, where its tools never report.",
            extra_json_schema={"pattern": f"{PATTERN}|^none$", "examples": ["15m", "2h30m", "PT2H", "none"]},
        ),
    ] = "1h"
    deadline_at_most: Annotated[
        timedelta | None,
        Meta(description="Each deployment.started gives it another `deadline`, up to so long after its command."),
    ] = None
    failure_strategy: Annotated[str | None, _STRATEGY] = None
    retry: Annotated[
        RetryDocument | None,
        Meta(description="How often a failed deployment is retried here, in the place of the service's `retry`."),
    ] = None
    fail_on_incident: Annotated[
        bool | None, Meta(description="Whether an incident here counts as a failure. By default as for the service.")
    ] = None
    starved_releases: Annotated[
        int,
        Meta(ge=1, description="A lane is reported as starved once so many releases have come and none has passed."),
    ] = 10
    starved_after: Annotated[
        timedelta,
        Meta(description="A lane is reported as starved once a release waits and none has passed for so long."),
    ] = timedelta(days=3)
    renamed_from: Annotated[
        str | Names,
        Meta(
            description="What the environment was called before, a name or a list: what runs there, its history, holds "
            "and orders are carried along, and a fact that still has such a name is for this one."
        ),
    ] = []
    webhooks: Annotated[
        WebhookDocument | None,
        Meta(description="The addresses to call for this environment, beside those of webhook/."),
    ] = None
    webhook: Annotated[
        WebhookDocument | None, Meta(description="As `webhooks`: later releases of the first DeployDB write it so.")
    ] = None
