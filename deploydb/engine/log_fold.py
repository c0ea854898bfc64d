"""The log, folded: facts and decision events alone, into what the tables of the store hold."""

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.evaluation import decisions as made
from deploydb.domain.evaluation.decisions import FlowOpened
from deploydb.domain.model import facts
from deploydb.domain.model.deployment import Deployment, Release
from deploydb.domain.model.environment_names import Renamed
from deploydb.domain.model.evidence import Attestation
from deploydb.domain.model.external import External
from deploydb.domain.model.overrides import Hold, RetryRequest, RollbackRequest
from deploydb.domain.model.publications import Acceptance, Key, Publication
from deploydb.domain.model.reasons import Reason
from deploydb.engine import decision_events
from deploydb.engine.decision_event import DecisionEvent, Noted
from deploydb.engine.decision_events import decode_decision
from deploydb.engine.ledger import Ledger
from deploydb.engine.live_history import LiveHistory
from deploydb.engine.projections import project, project_on_deployment
from deploydb.engine.releases import Releases
from deploydb.engine.statements import keep_latest
from deploydb.wire.native import decode_logged


class LogRow(Struct, frozen=True, kw_only=True):
    """A row of the log. `own`: DeployDB's own decision."""

    number: int
    type: str
    time: datetime
    recorded_at: datetime
    own: bool
    body: bytes
    publisher: str | None = None
    deployment_id: int | None = None


class Times(Struct, kw_only=True):
    """When a row was made, and when it was decided on last."""

    created_at: datetime
    decided_at: datetime | None = None


class LogFold:
    """The state after the rows that it was given, in the order of their numbers. Each service has its ledger."""

    def __init__(self) -> None:
        self.ledgers: dict[str, Ledger] = {}
        self.releases = Releases()
        self.published: dict[Key, datetime] = {}
        """By artifact, when it was first heard of."""
        self.flows: dict[int, tuple[str, int, datetime]] = {}
        """By id: the service, the artifact's row, and when it was opened."""
        self.deployments: dict[int, Times] = {}
        self.places: dict[int, int] = {}
        """By deployment, the place of its stage in the flow."""
        self.verdicts: dict[tuple[int, str, str], Times] = {}
        """By deployment, promotion and phase."""
        self.live = LiveHistory()
        self.checks: dict[tuple[int, str, str], datetime] = {}
        """By deployment, promotion and phase: when it was scheduled."""
        self.holds: dict[tuple[str, ...], Hold] = {}
        self.attestations: dict[tuple[str, ...], Attestation] = {}
        """By module, version, digest, signer and kind."""
        self.answers: dict[int, tuple[Reason, datetime]] = {}
        """By the person's request, what came of it."""
        self.wishes: dict[int, tuple[str, RollbackRequest]] = {}
        self.retries: dict[int, tuple[str, RetryRequest]] = {}
        self.unmatched: dict[int, tuple[facts.AboutDeployment, datetime]] = {}
        """By row, with when it was recorded."""
        self._sightings: dict[int, facts.DeploymentObserved] = {}
        self.at = datetime.min.replace(tzinfo=UTC)
        """When the last row was recorded."""
        self._services: dict[int, str] = {}
        self._names: dict[str, str] = {}
        """What environments that had another name are called now."""

    def take(self, row: LogRow) -> None:
        """Fold one more row.

        Raises: as `decode_logged` and `decode_decision`.
        """
        self.at = row.recorded_at
        if row.own:
            self._decide(decode_decision(row.type, row.body), row.recorded_at)
        else:
            fact = decode_logged(row.body, arrived_at=row.time)
            self._hear(fact.renamed(lambda name: self._names.get(name, name)), row)

    def ledger(self, service: str) -> Ledger:
        """The ledger of a service."""
        return self.ledgers.setdefault(service, Ledger(service))

    def deployment(self, id_: int) -> Deployment:
        """A deployment, by its id."""
        return self.ledgers[self._services[id_]].deployments[id_]

    def release(self, id_: int) -> Release:
        """A release, by its artifact's row."""
        return self.releases.of(id_)

    def wish(self, number: int) -> RollbackRequest:
        """A rollback that a person wanted, by its row in the log."""
        return self.wishes[number][1]

    def retry(self, number: int) -> RetryRequest:
        """Another attempt that a person wanted, by its row in the log."""
        return self.retries[number][1]

    def _decide(self, event: DecisionEvent, at: datetime) -> None:
        match event:
            case decision_events.FlowOpened():
                self._open_flow(event, at)
            case decision_events.ConfigurationChanged(renamed=renamed):
                if renamed is not None:
                    self._rename(renamed)
            case decision_events.DeploymentRecorded():
                fact: External
                if event.fact in self._sightings:
                    fact = self._sightings.pop(event.fact)
                    file = fact.artifact
                    release = self.releases.named((file.group, file.name, file.version), event.artifact)
                else:
                    fact = self._ended(event.fact)
                    key = (event.group or "", event.name or "", event.version)
                    release = self.releases.named(key, event.artifact)
                ledger = self.ledger(event.service)
                ledger.expect([event.deployment])
                ledger.observe(fact, release, at)
                self._made(event.deployment, event.service, at)
            case decision_events.FactMatched(deployment=id_, fact=number):
                found, recorded_at = self.unmatched.pop(number)
                known_at = at if isinstance(found, facts.DeploymentFinished) else recorded_at
                project_on_deployment(self.ledger(event.service), id_, number, found, known_at)
            case Noted():
                pass
            case _:
                self._write(event, at)

    def _rename(self, renamed: Renamed) -> None:
        self._names = renamed.current
        for ledger in self.ledgers.values():
            ledger.rename(renamed.now)
        named = (
            one if one.environment is None else replace(one, environment=renamed.now(one.environment))
            for one in self.holds.values()
        )
        self.holds = {one.key: one for one in named}
        self.wishes = {
            number: (service, replace(one, environment=renamed.now(one.environment)))
            for number, (service, one) in self.wishes.items()
        }
        self.retries = {
            number: (service, replace(one, environment=renamed.now(one.environment)))
            for number, (service, one) in self.retries.items()
        }
        self.unmatched = {
            number: (fact.renamed(renamed.now_unmatched), at) for number, (fact, at) in self.unmatched.items()
        }

    def _ended(self, number: int) -> facts.DeploymentFinished:
        """The historical fact of that row, which ended a deployment of its own."""
        fact, _ = self.unmatched.pop(number)
        if not isinstance(fact, facts.DeploymentFinished):
            raise TypeError(f"row {number}, {facts.type_of(fact)}, makes no deployment")
        return fact

    def _open_flow(self, event: decision_events.FlowOpened, at: datetime) -> None:
        release = self.releases.named((event.group, event.name, event.version), event.artifact)
        opening = FlowOpened(service=event.service, release=release, stages=event.stages)
        ids = [event.deployments[environment] for environment, _ in event.stages]
        ledger = self.ledger(event.service)
        ledger.expect(ids)
        ledger.open_flow(opening, event.flow)
        self.flows[event.flow] = (event.service, event.artifact, at)
        for place, (id_, (_, promotions)) in enumerate(zip(ids, event.stages, strict=True)):
            self._made(id_, event.service, at, place)
            self._ask(id_, promotions, at)

    def _write(self, event: DecisionEvent, at: datetime) -> None:
        known = event.decisions(self)
        for decision in known.decisions:
            match decision:
                case made.AttemptScheduled() if isinstance(event, decision_events.DeploymentAttempted):
                    self._made(event.deployment, event.service, at, self.places.get(decision.cause or 0, 0))
                    self._ask(event.deployment, decision.promotions, at)
                case made.FlowExtended() if isinstance(event, decision_events.FlowExtended):
                    self._extend_flow(event, at)
                case made.RollbackRequestResolved(wish=wish, reason=reason):
                    self.answers[wish.event] = (reason, at)
                case made.RetryRequestResolved(request=request, reason=reason):
                    self.answers[request.event] = (reason, at)
                case made.VerdictChanged(deployment=deployment, verdict=verdict):
                    gate = (deployment.id, verdict.promotion, verdict.phase)
                    self.verdicts.setdefault(gate, Times(created_at=at)).decided_at = at
                case made.CheckScheduled(deployment=deployment, promotion=promotion, phase=phase):
                    self.checks.setdefault((deployment.id, promotion, phase), at)
                case made.DeploymentWentLive(deployment=deployment):
                    self._decided(deployment, at)
                    self.live.came(decision, at)
                case made.DeploymentTransitioned(deployment=deployment):
                    self._decided(deployment, at)
                    self.live.transitioned(decision, at)
                case made.DeploymentRequested(deployment=deployment) | made.FailureFinalized(deployment=deployment):
                    self._decided(deployment, at)
                case _:
                    pass
        for deployment in known.explained:
            self._decided(deployment, at)
        ids: tuple[int, ...] = ()
        match event:
            case decision_events.DeploymentAttempted(deployment=id_):
                ids = (id_,)
            case decision_events.FlowExtended(deployments=deployments, added=added):
                ids = tuple(deployments[environment] for environment, _ in added)
            case _:
                pass
        ledger = self.ledger(event.service)
        ledger.expect(ids)
        ledger.write(known)

    def _extend_flow(self, event: decision_events.FlowExtended, at: datetime) -> None:
        places = {environment: place for place, environment in enumerate(event.stages)}
        for known in self.ledger(event.service).deployments.values():
            if known.flow == event.flow and known.environment in places:
                self.places[known.id] = places[known.environment]
        for environment, promotions in event.added:
            id_ = event.deployments[environment]
            self._made(id_, event.service, at, places[environment])
            self._ask(id_, promotions, at)

    def _made(self, id_: int, service: str, at: datetime, place: int = 0) -> None:
        """A deployment has its row."""
        self.deployments[id_] = Times(created_at=at)
        self.places[id_] = place
        self._services[id_] = service

    def _ask(self, id_: int, promotions: tuple[str, ...], at: datetime) -> None:
        for promotion in promotions:
            self.verdicts[id_, promotion, "exit"] = Times(created_at=at)

    def _decided(self, deployment: Deployment, at: datetime) -> None:
        self.deployments[deployment.id].decided_at = at

    def _hear(self, fact: facts.Fact, row: LogRow) -> None:
        number = row.number
        match fact:
            case facts.ArtifactPublished():
                self._publish(Publication.of(fact, row.publisher), row.recorded_at)
            case facts.ArtifactAccepted():
                self._weigh(Acceptance.of(fact, number))
            case facts.DeploymentObserved():
                self._publish(Publication.of(fact, row.publisher), row.recorded_at)
                self._sightings[number] = fact
            case facts.AboutHold():
                hold = Hold.of(fact, number, recorded_at=row.recorded_at)
                keep_latest(self.holds, hold.key, hold)
                self._settle_holds(hold.scope)
            case facts.ArtifactAttested():
                word, file = Attestation.of(fact, number), fact.artifact
                subject = (file.group, file.name, file.version, word.digest, word.signer, word.kind)
                keep_latest(self.attestations, subject, word)
            case facts.AboutDeployment():
                id_ = row.deployment_id
                if id_ is None:
                    self.unmatched[number] = fact, row.recorded_at
                else:
                    project_on_deployment(self.ledgers[self._services[id_]], id_, number, fact, row.recorded_at)
            case facts.HotfixDeclared() | facts.PromotionRequested() | facts.AboutLane() | facts.AboutIncident():
                if isinstance(fact, facts.RollbackRequested):
                    self.wishes[number] = (fact.service, RollbackRequest.of(fact, number, recorded_at=row.recorded_at))
                elif isinstance(fact, facts.RetryRequested):
                    self.retries[number] = (fact.service, RetryRequest.of(fact, number))
                project(self.ledger(fact.service), number, fact, row.recorded_at)
            case facts.EventUnused():
                pass
            case _:
                raise TypeError(f"{facts.type_of(fact)} is folded into nothing")

    def _settle_holds(self, scope: tuple[str, ...]) -> None:
        """Those that were lifted with all others of their scope count as lifted."""
        lift = self.holds.get((*scope, facts.EVERY_HOLD))
        if lift is not None:
            over = {key: hold for key, hold in self.holds.items() if hold.scope == scope and hold.at < lift.at}
            self.holds |= {key: replace(hold, placed=False) for key, hold in over.items()}

    def _publish(self, publication: Publication, at: datetime) -> None:
        self.published.setdefault(publication.key, at)
        self._weigh(publication)

    def _weigh(self, word: Publication | Acceptance) -> None:
        changed = self.releases.add(word)
        if changed is not None:
            for ledger in self.ledgers.values():
                ledger.publish(changed)
