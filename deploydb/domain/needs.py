"""What the gates of one stage still need, and from when on all of them would pass."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.calendar.windows import next_opening
from deploydb.domain.dead_ends import DeadEndError
from deploydb.domain.gate_wording import attestation_text, incidents_text
from deploydb.domain.gates import GateContext, judge
from deploydb.domain.gates.formatting import in_words, listed
from deploydb.domain.gates.manual import count
from deploydb.domain.model import promotions as configured
from deploydb.domain.model.deployment import FactOrder, GateStatus, Phase, Verdict
from deploydb.domain.model.evidence import Verification
from deploydb.domain.model.gate_reasons import AwaitingAttestation
from deploydb.domain.model.promotions import Promotion
from deploydb.domain.wording import text

Kind = Literal["approval", "report", "time", "window", "hold", "deployment", "rollback", "other"]

_ROUNDS = 500
"""How often the times of several gates are brought together before they count as never met."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_CERTAIN = timedelta(seconds=1)


class Need(Struct, frozen=True, kw_only=True):
    """One thing that must happen, in an environment; of a gate, on which side (`phase`). `earliest`: of what only time
    brings."""

    kind: Kind
    text: str
    environment: str
    promotion: str | None = None
    phase: Phase | None = None
    earliest: datetime | None = None


class Reached(Struct, frozen=True, kw_only=True):
    """How far a flow has come on its way, from when on, and what it needed for that. `at` None: no time is known."""

    at: datetime | None
    needs: tuple[Need, ...] = ()

    def then(self, needs: Iterable[Need], at: datetime | None = None) -> "Reached":
        """With more needs, and not before a time."""
        later = self.at if at is None or self.at is None else max(self.at, at)
        return Reached(at=later, needs=(*self.needs, *needs))

    def beside(self, *others: "Reached") -> "Reached":
        """With all that others need, and not before them."""
        all_ = (self, *others)
        times = [one.at for one in all_ if one.at is not None]
        at = max(times) if len(times) == len(all_) else None
        return Reached(at=at, needs=tuple(need for one in all_ for need in one.needs))


def ask_gates(promotions: Sequence[Promotion], context: GateContext, at: datetime) -> Reached:
    """What the gates need from `at` on, if all who are asked answer at once; and from when on all of them would pass.

    Times are brought together until they agree. A need that time alone meets is named only where it is the later one.
    """
    needs: dict[str, Need] = {}
    left = list(promotions)
    met = False
    context = replace(context, now=at)
    for _ in range(_ROUNDS):
        verdicts = {one.promotion: one for one in judge(left, context)}
        unmet = [one for one in left if verdicts[one.ident].outcome is not GateStatus.PASS]
        met = not unmet
        if met:
            break
        answerable = [one for one in unmet if not isinstance(one, (*_TIMED, configured.ExpressionPromotion))]
        troubled = [one for one in unmet if isinstance(one, configured.SoakPromotion)] and _troubled(context)
        # windows last: they may be open once the soaks are over
        timed = sorted((one for one in unmet if isinstance(one, _TIMED)), key=_is_window)
        if answerable or troubled:
            needs |= {each.ident: _answer(each, verdicts[each.ident], context) for each in answerable}
            needs |= {need.text: need for need in troubled or ()}
            context = _answered(answerable, context, over=bool(troubled))
            left = [one for one in left if one not in answerable or isinstance(one, configured.ReportedPromotion)]
        elif timed:
            first = timed[0]
            later = _later(first, verdicts[first.ident], context.now)
            needs[first.ident] = _timed(first, at, later, context)
            if later is None:
                break
            context = replace(context, now=later)
        else:
            needs |= {
                each.ident: _need(each, "other", f"{each.ident} to hold ({_criterion(each)})", context)
                for each in unmet
            }
            left = [one for one in left if one not in unmet]
    return Reached(at=context.now if met else None, needs=tuple(needs[name] for name in _in_order(needs, promotions)))


_TIMED = (configured.SoakPromotion, configured.WindowPromotion)


def _is_window(one: Promotion) -> bool:
    return isinstance(one, configured.WindowPromotion)


def _answer(one: Promotion, verdict: Verdict, context: GateContext) -> Need:
    match one:
        case configured.ManualPromotion():
            return _need(one, "approval", _approvals(one, context), context)
        case configured.VerificationPromotion():
            passed = _passed(context)
            jobs = [job for job in one.reported_as if job not in passed]
            return _need(one, "report", f"{listed(jobs)} to pass", context)
        case configured.ReportedPromotion():
            return _need(one, "report", f"{one.ident} to pass", context)
        case configured.DependsOnPromotion():
            version = f" {one.version}" if one.version is not None else ""
            return _need(one, "other", f"{one.service}{version} to succeed in {one.environment}", context)
        case configured.ProvenancePromotion():
            if context.deployment.release.artifact.digest is None:
                raise DeadEndError(f"publish a newer version, with a digest: {text(verdict.reason)}")
            missing = verdict.reason
            wanted = attestation_text(missing) if isinstance(missing, AwaitingAttestation) else text(missing)
            return _need(one, "other", wanted, context)
        case _:
            return _need(one, "other", text(verdict.reason), context)


def _approvals(one: configured.ManualPromotion, context: GateContext) -> str:
    votes = count(one, context)
    parts = []
    if votes.refused:
        parts.append(f"{listed([word.by for word in votes.refused])} to take back the refusal of {one.ident}")
    if votes.missing:
        number = _NUMBERS[votes.missing] if votes.missing < len(_NUMBERS) else str(votes.missing)
        of = f" of {listed(votes.groups, 'or')}" if votes.groups else ""
        other = " different" if one.distinct_groups and votes.missing > 1 else ""
        parts.append(f"{number}{other} approval{'s' if votes.missing > 1 else ''}{of}")
    return " and ".join(parts)


def _answered(answered: Sequence[Promotion], context: GateContext, *, over: bool) -> GateContext:
    """With good reports of the jobs that were missing; with every incident over."""
    at = FactOrder(context.now, "\U0010ffff", "")
    passed = _passed(context)
    reported = (one.reported_as for one in answered if isinstance(one, configured.ReportedPromotion))
    jobs = [job for jobs in reported for job in jobs if job not in passed]
    kept = [report for report in context.evidence.verifications if report.promotion not in jobs]
    reports = [Verification(promotion=job, outcome="passed", at=at) for job in jobs]
    incidents = context.evidence.incidents
    if over:
        incidents = tuple(replace(one, open=False, at=at) if one.open else one for one in incidents)
    return replace(context, evidence=replace(context.evidence, verifications=(*kept, *reports), incidents=incidents))


def _passed(context: GateContext) -> set[str]:
    latest: Mapping[str, Verification] = {
        report.promotion: report for report in sorted(context.evidence.verifications, key=lambda one: one.at)
    }
    return {name for name, report in latest.items() if report.outcome == "passed"}


def _troubled(context: GateContext) -> tuple[Need, ...]:
    environment, incidents = context.deployment.environment, context.evidence.incidents
    texts = (f"{incidents_text((one.report,))} to be over" for one in incidents if one.open)
    return tuple(Need(kind="report", text=text, environment=environment) for text in texts)


def _later(one: Promotion, verdict: Verdict, now: datetime) -> datetime | None:
    later = next_opening(one, now) if isinstance(one, configured.WindowPromotion) else verdict.recheck_at
    return later if later is not None and later > now else None


def _timed(one: Promotion, begun: datetime, until: datetime | None, context: GateContext) -> Need:
    if isinstance(one, configured.WindowPromotion):
        opening = "to open" if until is not None else "to open, which it does not within two years"
        return replace(_need(one, "window", f"{one.ident} {opening}", context), earliest=until)
    left = in_words(_whole(until - begun)) + " of soak" if until is not None else f"{one.ident} to be met"
    return replace(_need(one, "time", left, context), earliest=until)


def _whole(left: timedelta) -> timedelta:
    """Whole seconds, rounded up, where there is at least one."""
    return timedelta(seconds=-(-left // _CERTAIN)) if left > _CERTAIN else left


def _need(one: Promotion, kind: Kind, text: str, context: GateContext) -> Need:
    environment = context.deployment.environment
    return Need(kind=kind, text=text, environment=environment, promotion=one.ident, phase=context.phase)


def _criterion(one: Promotion) -> str:
    return one.expression if isinstance(one, configured.ExpressionPromotion) else one.type


def _in_order(needs: Mapping[str, Need], promotions: Sequence[Promotion]) -> list[str]:
    """People first, then jobs, then what only time brings."""
    order = {"approval": 0, "report": 1, "other": 2, "time": 3, "window": 4}
    names = [one.ident for one in promotions]
    return sorted(needs, key=lambda name: (order.get(needs[name].kind, 2), names.index(name) if name in names else 0))
