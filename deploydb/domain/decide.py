"""The product in one function: given the catalog, what is known of a service, and the time, what to do and why.

`open_flow` says what a published artifact starts; `decide` moves a service's open flows on. Choosing the candidate for
a lane (a service in an environment) and permitting it are separate steps. Ties are broken by content, so the same
situation always gives the same decisions.

How a lane is worked, in the order of `decide`:

1. an active deployment past its deadline expires;
2. what runs in each lane is settled from the finished deployments;
3. exit gates judge what runs and is not yet decided;
4. flows that can never reach a stage are skipped there, with the reason;
5. in each lane the newest flow at the door is chosen, older ones are skipped, and if the lane is free and the entry
   gates pass, the deployment is requested.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.catalog import Catalog, Promotion, Service, Stage
from deploydb.domain.commands import Previous
from deploydb.domain.decisions import (
    Decision,
    Decisions,
    FlowOpened,
    Requested,
    RunningChanged,
    Settled,
    Settlement,
    Situation,
    VerdictChanged,
)
from deploydb.domain.gates import Evidence, judge
from deploydb.domain.state import Deployment, Outcome, Release, Running, Status, Verdict


def open_flow(catalog: Catalog, service: str, release: Release) -> FlowOpened:
    """What a release starts in a service that lists its module: a deployment for every stage."""
    configured = catalog.services[service]
    stages = tuple(
        (
            stage.environment,
            tuple(promotion.ident for promotion in catalog.exit_promotions(configured, stage)),
        )
        for stage in catalog.stages(configured)
    )
    return FlowOpened(service=service, release=release, stages=stages)


def decide(catalog: Catalog, situation: Situation, now: datetime) -> Decisions:
    """What to do now for one service, and why. Pure: the same arguments, the same decisions.

    A service that is no longer configured is left as it is: its deployments wait until it comes back.
    """
    service = catalog.services.get(situation.service)
    if service is None:
        return Decisions(service=situation.service)
    desk = _Desk(catalog, service, situation, now)
    desk.expire()
    desk.settle_running()
    desk.judge_exits()
    for stage in desk.stages:
        desk.rule_out(stage)
        desk.enter(stage)
    desk.close()
    return Decisions(
        service=service.ident, decisions=tuple(desk.decisions), recheck_at=min(desk.rechecks, default=None)
    )


class _Desk:
    """The working copy of one evaluation: deployments by id as they are after the decisions so far."""

    def __init__(self, catalog: Catalog, service: Service, situation: Situation, now: datetime) -> None:
        self.catalog = catalog
        self.service = service
        self.situation = situation
        self.now = now
        self.stages = catalog.stages(service)
        self.deployments = {known.id: known for known in sorted(situation.deployments, key=lambda known: known.id)}
        self.running = dict(situation.running)
        self.decisions: list[Decision] = []
        self.rechecks: list[datetime] = []
        self.lanes: dict[str, list[int]] = {}
        self.flows: dict[int, dict[str, int]] = {}
        for known in self.deployments.values():
            self.lanes.setdefault(known.environment, []).append(known.id)
            if known.flow is not None:
                self.flows.setdefault(known.flow, {})[known.environment] = known.id

    def _settle(self, what: Settlement, deployment: Deployment, reason: str) -> None:
        self.deployments[deployment.id] = deployment
        self.decisions.append(Settled(what=what, deployment=deployment, reason=reason))

    def _skip(self, deployment: Deployment, reason: str) -> None:
        skipped = replace(deployment, skipped_at=self.now, reason=reason, open=False)
        self._settle("skipped", skipped, reason)

    def _wait(self, deployment: Deployment, reason: str) -> None:
        if deployment.reason != reason:
            self._settle("waiting", replace(deployment, reason=reason), reason)

    def _lane(self, environment: str) -> list[Deployment]:
        return [self.deployments[ident] for ident in self.lanes.get(environment, ())]

    def _newer(self, release: Release) -> tuple[object, ...]:
        return release.order_key(self.service.order)

    def expire(self) -> None:
        """No answer by the deadline: failed, with that reason."""
        for known in list(self.deployments.values()):
            if not known.active or known.deadline is None:
                continue
            if self.now < known.deadline:
                self.rechecks.append(known.deadline)
                continue
            never = "did not start" if known.started is None else "started and did not finish"
            reason = f"{never} by its deadline {known.deadline:%Y-%m-%d %H:%M:%S} UTC"
            self._settle("expired", replace(known, expired_at=self.now, reason=reason), reason)

    def settle_running(self) -> None:
        """The last deployment to finish well is what runs; the same module's older ones are replaced by it."""
        finished = [known for known in self.deployments.values() if known.open and known.running_since is not None]
        for known in sorted(finished, key=_arrival):
            if known.requested_at is None and known.kind != "external":
                known = replace(known, requested_at=self.now, reason="finished without a command of ours")
                self._settle("adopted", known, "finished without a command of ours")
            lane = (known.environment, known.release.artifact.module)
            before, since = self.running.get(lane), known.running_since
            if since is not None and (before is None or (before.since, before.deployment) < (since, known.id)):
                self.running[lane] = Running(deployment=known.id, release=known.release, since=since)
                self.decisions.append(RunningChanged(environment=known.environment, running=self.running[lane]))

    def judge_exits(self) -> None:
        """The gates of each deployment that runs and is not decided for good; a failed one may still be mended."""
        for stage in self.stages:
            promotions = self.catalog.exit_promotions(self.service, stage)
            for known in self._lane(stage.environment):
                judged = known.outcome == "succeeded" and known.result != "SUCCESS" and known.expired_at is None
                if not (known.open and judged and known.kind != "external") or self._is_replaced(known):
                    continue
                self._judge_exit(known, self._verdicts(promotions, known))

    def _judge_exit(self, known: Deployment, verdicts: tuple[Verdict, ...]) -> None:
        failures = [verdict.reason for verdict in verdicts if verdict.outcome is Outcome.FAIL]
        if failures:
            if known.result != "FAILED":
                reason = "; ".join(failures)
                self._settle("failed", replace(known, result="FAILED", reason=reason), reason)
        elif all(verdict.outcome is Outcome.PASS for verdict in verdicts):
            reason = ", ".join(verdict.reason for verdict in verdicts) or "deployed; no promotion asks for more"
            self._settle("succeeded", replace(known, result="SUCCESS", reason=reason, open=False), reason)
        elif known.result == "FAILED":
            reason = "; ".join(verdict.reason for verdict in verdicts if verdict.outcome is not Outcome.PASS)
            self._settle("resumed", replace(known, result=None, reason=reason), reason)

    def _verdicts(self, promotions: Sequence[Promotion], known: Deployment) -> tuple[Verdict, ...]:
        asked = judge(promotions, known, self.situation.evidence.get(known.id, Evidence()), self.now)
        before = self.situation.verdicts.get(known.id, {})
        for verdict in asked:
            if before.get(verdict.promotion) != verdict:
                self.decisions.append(VerdictChanged(deployment=known, verdict=verdict))
            if verdict.recheck_at is not None:
                self.rechecks.append(verdict.recheck_at)
        return asked

    def _is_replaced(self, known: Deployment) -> bool:
        running = self.running.get((known.environment, known.release.artifact.module))
        return running is not None and running.deployment != known.id

    def rule_out(self, stage: Stage) -> None:
        """Skip the stage for each flow whose way to it is closed."""
        for known in self._lane(stage.environment):
            if known.status is not Status.NOT_STARTED or known.flow is None:
                continue
            dead = [name for name in stage.after.environments if self._is_dead_end(known.flow, name)]
            needed = len(stage.after.environments) if stage.after.need == "any" else 1
            if dead and len(dead) >= needed:
                upstream = self.deployments[self.flows[known.flow][dead[0]]]
                was = "was skipped" if upstream.status is Status.SKIPPED else "was replaced there"
                self._skip(known, f"{dead[0]} {was}: {upstream.reason}")

    def _is_dead_end(self, flow: int, environment: str) -> bool:
        ident = self.flows[flow].get(environment)
        if ident is None:
            return False
        known = self.deployments[ident]
        return known.status is Status.SKIPPED or known.replaced_at is not None

    def enter(self, stage: Stage) -> None:
        """Choose at most one flow for each module at the stage's door, and let one in if it is permitted."""
        chosen = self._choose(stage)
        if not chosen:
            return
        obstacle = self._obstacle(stage)
        for known in chosen:
            if obstacle is not None:
                self._wait(known, obstacle)
                continue
            entry = self._verdicts(self.catalog.entry_promotions(stage.environment), known)
            unmet = [verdict.reason for verdict in entry if verdict.outcome is not Outcome.PASS]
            if unmet:
                self._wait(known, "; ".join(unmet))
                continue
            self._request(stage, known, entry)
            obstacle = self._obstacle(stage)

    def _choose(self, stage: Stage) -> list[Deployment]:
        """The newest arrived flow of each module, oldest arrival first; what is older than it or the lane is skipped."""
        newest: dict[str, Deployment] = {}
        for known in self._lane(stage.environment):
            if known.status is not Status.NOT_STARTED or known.flow is None:
                continue
            waits_for = self._waits_for(stage, known.flow)
            if waits_for is not None:
                self._wait(known, waits_for)
                continue
            overtaken = self._overtaken(known)
            if overtaken is not None:
                self._skip(known, overtaken)
                continue
            module = known.release.artifact.module
            rival = newest.get(module)
            if rival is None:
                newest[module] = known
                continue
            older, newer = sorted((rival, known), key=lambda one: (self._newer(one.release), one.id))
            newest[module] = newer
            self._skip(older, f"superseded by {newer.release.artifact.version}, {self._why_newer()}")
        return sorted(newest.values(), key=lambda known: known.id)

    def _why_newer(self) -> str:
        return "published later" if self.service.order == "published" else "a higher version"

    def _waits_for(self, stage: Stage, flow: int) -> str | None:
        """None where the flow has arrived at the stage; else what it waits for upstream."""
        upstream = {
            name: self.deployments[self.flows[flow][name]]
            for name in stage.after.environments
            if name in self.flows[flow]
        }
        missing = [name for name, known in upstream.items() if known.status is not Status.SUCCESS]
        if not missing or (stage.after.need == "any" and len(missing) < len(upstream)):
            return None
        told = ", ".join(f"{name} ({upstream[name].status})" for name in missing)
        return f"waits for {told}" if stage.after.need == "all" else f"waits for any of {told}"

    def _overtaken(self, known: Deployment) -> str | None:
        """Why this release may not go where it would be a downgrade; None where it would not."""
        module = known.release.artifact.module
        running = self.running.get((known.environment, module))
        if running is not None and self._newer(running.release) > self._newer(known.release):
            version = running.release.artifact.version
            return f"{known.environment} runs {version}, {self._why_newer()}"
        for other in self._lane(known.environment):
            same = other.active and other.release.artifact.module == module
            if same and self._newer(other.release) > self._newer(known.release):
                version = other.release.artifact.version
                return f"{version}, {self._why_newer()}, is being deployed to {known.environment}"
        return None

    def _obstacle(self, stage: Stage) -> str | None:
        """What keeps every newcomer out of the lane now: an active deployment, or one that must be verified first."""
        for other in self._lane(stage.environment):
            if other.active:
                return f"{other.release.artifact.version} is being deployed (deployment {other.id}, {other.status})"
        if self.catalog.while_verifying(self.service, stage) == "wait":
            for other in self._lane(stage.environment):
                verifying = other.status is Status.COMPLETED and other.kind != "external" and other.open
                if verifying and not self._is_replaced(other):
                    return f"{other.release.artifact.version} is being verified (deployment {other.id})"
        return None

    def _request(self, stage: Stage, known: Deployment, entry: tuple[Verdict, ...]) -> None:
        environment, module = known.environment, known.release.artifact.module
        manifest = {
            ran.release.artifact.module: ran.release.artifact
            for (where, _), ran in sorted(self.running.items())
            if where == environment and ran.release.artifact.module in self.service.artifacts
        }
        manifest[module] = known.release.artifact
        ran = self.running.get((environment, module))
        deadline = self.now + self.catalog.environments[environment].deadline
        reason = self._because(stage, known, entry)
        requested = replace(known, requested_at=self.now, deadline=deadline, reason=reason)
        self.deployments[known.id] = requested
        self.decisions.append(
            Requested(
                deployment=requested,
                kind="deploy",
                manifest=tuple(manifest[name] for name in self.service.artifacts if name in manifest),
                previous=Previous(version=ran.release.artifact.version, deployment=ran.deployment) if ran else None,
                deadline=deadline,
                reason=reason,
            )
        )
        self.rechecks.append(deadline)

    def _because(self, stage: Stage, known: Deployment, entry: tuple[Verdict, ...]) -> str:
        upstream = [
            self.deployments[self.flows[known.flow][name]]
            for name in stage.after.environments
            if known.flow is not None and name in self.flows[known.flow]
        ]
        passed = [one for one in upstream if one.status is Status.SUCCESS]
        if passed:
            told = "; ".join(f"{one.environment}: {one.reason}" for one in passed)
            why = f"promoted from {told}"
        else:
            why = f"published by {known.release.published_by}"
        gates = ", ".join(verdict.reason for verdict in entry)
        return f"{why}; {gates}" if gates else why

    def close(self) -> None:
        """Let go of what nothing more will come of: replaced in its lane, or external and accounted for.

        A deployment that failed or is being verified is replaced once a newer one of its module is commanded there.
        """
        configured = {stage.environment for stage in self.stages}
        for known in list(self.deployments.values()):
            if not known.open:
                continue
            if known.kind == "external":
                self._settle("closed", replace(known, open=False), "recorded")
            elif known.status is Status.NOT_STARTED and known.environment not in configured:
                self._skip(known, f"{known.environment} is no longer a stage of {self.service.ident}")
            elif known.status in (Status.COMPLETED, Status.FAILED):
                successor = self._successor(known)
                if successor is not None:
                    reason = f"replaced by {successor}"
                    self._settle("replaced", replace(known, replaced_at=self.now, open=False), reason)
        for stage in self.stages:
            self.rule_out(stage)

    def _successor(self, known: Deployment) -> str | None:
        """The version that took, or is taking, this one's place in its lane."""
        module = known.release.artifact.module
        for other in self._lane(known.environment):
            commanded = other.requested_at is not None and known.requested_at is not None
            if other.id != known.id and other.release.artifact.module == module and commanded:
                later = (other.requested_at, other.id) > (known.requested_at, known.id)
                if later and (other.active or other.status in (Status.COMPLETED, Status.SUCCESS, Status.FAILED)):
                    return other.release.artifact.version
        running = self.running.get((known.environment, module))
        if running is not None and running.deployment != known.id:
            since = known.running_since or known.requested_at
            if since is not None and running.since > since:
                return running.release.artifact.version
        return None


def _arrival(known: Deployment) -> tuple[datetime, int]:
    since = known.running_since
    assert since is not None  # noqa: S101  # the caller asks only of what runs
    return (since, known.id)
