"""The way into a stage: who can never come, who has arrived, who is chosen, and whether it may enter.

Choosing the candidate and permitting it are separate: the newest of a module that has arrived is chosen and the older
ones beside it are skipped, even if the newest may not enter yet.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.catalog import Catalog, Service, Stage
from deploydb.domain.commands import Previous
from deploydb.domain.decisions import Requested
from deploydb.domain.lanes import Lanes
from deploydb.domain.state import Deployment, Outcome, Release, Status, Verdict


class Doors:
    """A service's doors, one for each of its stages. Work them upstream first."""

    def __init__(self, lanes: Lanes, catalog: Catalog, service: Service) -> None:
        self._lanes = lanes
        self._catalog = catalog
        self._service = service
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}

    def rule_out(self) -> None:
        """Let go of what the service no longer goes through, or is no longer made of."""
        for known in self._lanes.all():
            if not known.open or known.kind == "external":
                continue
            module = known.release.artifact.module
            if known.environment not in self._stages:
                self._leave(known, f"{known.environment} is no longer a stage of {self._service.ident}")
            elif module not in self._service.artifacts and known.status is Status.NOT_STARTED:
                self._lanes.skip(known, f"{module} is no longer an artifact of {self._service.ident}")

    def work(self, stage: Stage) -> None:
        """Skip the flows whose way to the stage is closed; of those that have arrived, let in who may enter."""
        arrived: dict[str, list[Deployment]] = {}
        for known in self._lanes.lane(stage.environment):
            if known.status is not Status.NOT_STARTED:
                continue
            closed = self._dead_end(stage, known.flow)
            if closed is not None:
                self._lanes.skip(known, closed)
                continue
            waits_for = self._waits_for(stage, known.flow)
            if waits_for is not None:
                self._lanes.explain(known, waits_for)
                continue
            arrived.setdefault(known.release.artifact.module, []).append(known)
        chosen = [newest for rivals in arrived.values() if (newest := self._choose(rivals)) is not None]
        for newest in sorted(chosen, key=_turn):
            self._enter(stage, newest)

    def _leave(self, known: Deployment, reason: str) -> None:
        if known.status is Status.NOT_STARTED:
            self._lanes.skip(known, reason)
        elif not known.active:
            self._lanes.close(known)

    def _dead_end(self, stage: Stage, flow: int | None) -> str | None:
        """Why the flow can never come to the stage; None where it may."""
        upstream = stage.after.environments
        ends = [end for environment in upstream if (end := self._end(flow, environment)) is not None]
        needed = 1 if stage.after.need == "all" else len(upstream)
        return ends[0] if ends and len(ends) >= needed else None

    def _end(self, flow: int | None, environment: str) -> str | None:
        """Why the flow can never come out of a stage, as told where it ended; None where it may."""
        known = self._lanes.of(flow, environment)
        if known is None:
            return f"{environment} became a stage after this flow had begun"
        if known.status is Status.SKIPPED:
            return self._dead_end(self._stages[environment], flow) or f"skipped in {environment}: {known.reason}"
        if known.expired_at is not None or (known.replaced_at is not None and known.status is Status.FAILED):
            return f"failed in {environment}: {known.reason}"
        return f"{known.reason} in {environment}" if known.replaced_at is not None else None

    def _waits_for(self, stage: Stage, flow: int | None) -> str | None:
        """None where the flow has arrived at the stage; else what it waits for upstream."""
        upstream = self._upstream(stage, flow)
        unmet = [known for known in upstream if known.status is not Status.SUCCESS]
        if not unmet or (stage.after.need == "any" and len(unmet) < len(upstream)):
            return None
        names = (" and " if stage.after.need == "all" else " or ").join(known.environment for known in unmet)
        failed = [f"; failed in {known.environment}: {known.reason}" for known in unmet if known.status == "FAILED"]
        return f"waits for {names}" + "".join(failed)

    def _upstream(self, stage: Stage, flow: int | None) -> list[Deployment]:
        found = (self._lanes.of(flow, environment) for environment in stage.after.environments)
        return [known for known in found if known is not None]

    def _choose(self, rivals: Sequence[Deployment]) -> Deployment | None:
        """The newest of one module's flows at a door; none where the lane has something newer. The rest is skipped."""
        newest = max(rivals, key=lambda known: (self._newness(known.release), known.id))
        overtaken = self._overtaken(newest)
        for known in rivals:
            if overtaken is not None:
                self._lanes.skip(known, overtaken)
            elif known is not newest:
                self._lanes.skip(known, f"superseded by {self._named(newest.release, known.release)}")
        return newest if overtaken is None else None

    def _newness(self, release: Release) -> tuple[object, ...]:
        return release.order_key(self._service.order)

    def _named(self, newer: Release, older: Release) -> str:
        """The newer release's version, and what makes it newer: of two tags of one version, their time."""
        higher = self._service.order == "version" and self._newness(newer)[0] != self._newness(older)[0]
        return f"{newer.artifact.version}, {'a higher version' if higher else 'published later'}"

    def _overtaken(self, known: Deployment) -> str | None:
        """Why the release would be a downgrade in its lane; None where it would not."""
        module, newness = known.release.artifact.module, self._newness(known.release)
        ran = self._lanes.runs(known)
        if ran is not None and self._newness(ran.release) > newness:
            return f"{known.environment} runs {self._named(ran.release, known.release)}"
        for other in self._lanes.lane(known.environment):
            came = other.open and other.commanded and other.release.artifact.module == module
            if came and self._newness(other.release) > newness:
                return f"superseded by {self._named(other.release, known.release)}"
        return None

    def _enter(self, stage: Stage, known: Deployment) -> None:
        obstacle = self._obstacle(stage)
        if obstacle is not None:
            self._lanes.explain(known, obstacle)
            return
        passed = [one for one in self._upstream(stage, known.flow) if one.status is Status.SUCCESS]
        since = max(
            (one.running_since for one in passed if one.running_since is not None), default=known.release.published_at
        )
        verdicts = self._lanes.verdicts(self._catalog.entry_promotions(stage.environment), known, since=since)
        unmet = [verdict.reason for verdict in verdicts if verdict.outcome is not Outcome.PASS]
        if unmet:
            self._lanes.explain(known, "; ".join(unmet))
            return
        self._request(known, _because(known.release, passed, verdicts))

    def _obstacle(self, stage: Stage) -> str | None:
        """What keeps every newcomer out of the lane now: an active deployment, or one that must be verified first."""
        lane = self._lanes.lane(stage.environment)
        active = [other for other in lane if other.active]
        if active:
            return f"{active[0].release.artifact.version} is being deployed (deployment {active[0].id})"
        verifying = [other for other in lane if other.open and other.status is Status.COMPLETED]
        if verifying and self._catalog.while_verifying(self._service, stage) == "wait":
            first = min(verifying, key=_turn)
            return f"{first.release.artifact.version} is being verified (deployment {first.id})"
        return None

    def _request(self, known: Deployment, reason: str) -> None:
        environment, module = known.environment, known.release.artifact.module
        ran = self._lanes.runs(known)
        deadline = self._lanes.now + self._catalog.environments[environment].deadline
        requested = replace(known, requested_at=self._lanes.now, deadline=deadline, reason=reason)
        self._lanes.request(
            Requested(
                deployment=requested,
                kind="deploy",
                manifest=tuple(
                    known.release.artifact
                    if listed == module
                    else self._lanes.running[environment, listed].release.artifact
                    for listed in self._service.artifacts
                    if listed == module or (environment, listed) in self._lanes.running
                ),
                previous=Previous(version=ran.release.artifact.version, deployment=ran.deployment) if ran else None,
                deadline=deadline,
                reason=reason,
            )
        )
        for other in self._lanes.lane(environment):
            ended = other.open and other.status in (Status.COMPLETED, Status.FAILED)
            if ended and other.release.artifact.module == module:
                self._lanes.replace(other, known.release.artifact.version)


def _turn(known: Deployment) -> tuple[datetime, str]:
    """The order among a lane's modules: what was published first."""
    return (known.release.published_at, known.release.artifact.module)


def _because(release: Release, passed: Sequence[Deployment], entry: Sequence[Verdict]) -> str:
    """Why it is deployed, for the command and for people."""
    if passed:
        why = "promoted from " + "; ".join(f"{one.environment}: {one.reason}" for one in passed)
    else:
        why = f"published by {release.published_by}"
    why += "".join(f", {verdict.reason}" for verdict in entry)
    return f"{why}; the earliest publication stands: {release.conflict}" if release.conflict else why
