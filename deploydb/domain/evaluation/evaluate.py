"""The product in one function: given the catalog, what is known of a service, and the time, what to do and why.

`open_flow` says what a published artifact starts; `decide` moves a service's open flows on. Ties are broken by content,
so the same situation always gives the same decisions, and deciding again on their result decides nothing more.

The order of the steps:

1. `reconciliation`: an active deployment past its deadline expires, what runs in each lane is settled, and what is over
   is closed;
2. `exit_gates`: the gates of each stage judge what runs there and is not decided for good;
3. `failure_policy`: what has failed is tried again or counts, and then what is configured follows: people look, another
   version is put back, or the flow goes on;
4. `admission`, upstream first: flows that can never come to a stage are skipped there, with the reason; of those that
   have arrived one is chosen, and if nothing holds it, its lane is free and the entry gates pass, the deployment is
   requested.
"""

from datetime import datetime

from deploydb.domain.evaluation.admission import Admission
from deploydb.domain.evaluation.decisions import (
    Decisions,
    FlowOpened,
    ServiceSnapshot,
)
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.exit_gates import judge_exits
from deploydb.domain.evaluation.failure_policy import FailurePolicy
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.evaluation.reconciliation import take_in
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Release

__all__ = ["decide", "open_flow"]


def open_flow(catalog: Catalog, service: str, release: Release) -> FlowOpened:
    """What a release starts in a service that lists its module: a deployment for every stage."""
    configured = catalog.services[service]
    stages = tuple(
        (stage.environment, tuple(promotion.ident for promotion in catalog.exit_promotions(configured, stage)))
        for stage in catalog.stages(configured)
    )
    return FlowOpened(service=service, release=release, stages=stages)


def decide(catalog: Catalog, situation: ServiceSnapshot, now: datetime) -> Decisions:
    """What to do now for one service, and why. Pure: the same arguments, the same decisions.

    Of a service that is not configured only what happened is taken in: its flows wait until it comes back.
    """
    lanes = Evaluation(situation, now, catalog)
    take_in(lanes)
    service = catalog.services.get(situation.service)
    if service is not None:
        stages = catalog.stages(service)
        holds = Holds(lanes, catalog, {stage.environment: stage for stage in stages})
        doors = Admission(lanes, catalog, service, holds)
        doors.rule_out()
        for stage in stages:
            fails = catalog.fails_on_incident(service, stage.environment)
            judge_exits(lanes, stage.environment, catalog.exit_promotions(service, stage), fail_on_incident=fails)
        failures = FailurePolicy(lanes, catalog, service, holds)
        failures.grant()
        for stage in stages:
            failures.follow(stage)
        commanded = -1
        while commanded != lanes.commanded:  # what is commanded stands in the way of others, which are to say so
            commanded = lanes.commanded
            for stage in stages:
                doors.work(stage)
    return lanes.decisions()
