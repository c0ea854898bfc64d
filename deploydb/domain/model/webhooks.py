"""Addresses that are called when something changes its state."""

from msgspec import Struct


class DeploymentWebhooks(Struct, frozen=True, kw_only=True):
    """URLs by the state that a deployment reached."""

    created: tuple[str, ...] | None = None
    started: tuple[str, ...] | None = None
    completed: tuple[str, ...] | None = None
    verified: tuple[str, ...] | None = None
    failed: tuple[str, ...] | None = None


class PromotionWebhooks(Struct, frozen=True, kw_only=True):
    """URLs by the state that a promotion reached."""

    completed: tuple[str, ...] | None = None


class Webhooks(Struct, frozen=True, kw_only=True):
    """Who is called when something changes state."""

    deployment: DeploymentWebhooks | None = None
    promotion: PromotionWebhooks | None = None
