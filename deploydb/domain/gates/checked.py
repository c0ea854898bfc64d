"""The base of those promotions that `workers.verify` asks about elsewhere; the answer comes back as a report.

A reason is the same as long as nothing has changed, so that a check without a new result is no event.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct, convert
from msgspec.structs import asdict, replace

from deploydb.domain.formatting import error_text, in_words
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.judge import BROKEN_AGAIN_AFTER
from deploydb.domain.gates.promotion import Checks, Names, Path
from deploydb.domain.gates.reported import ReportedPromotion, reports_of
from deploydb.domain.model.deployment import Deployment, GateStatus, Verdict
from deploydb.domain.model.gate_reasons import CheckPending, CheckRunning, CheckUnanswered
from deploydb.domain.model.reason_parts import JobReport
from deploydb.domain.model.requests import Answer, NoAnswer, Request
from deploydb.domain.templates import PLACES, Template, address_problem, url
from deploydb.domain.unsafe_characters import visible

IN_PLACES = f"May hold {', '.join(f'{{{place}}}' for place in PLACES[:-1])} and {{{PLACES[-1]}}} of the deployment."
"""What a template's description says."""
_SHORTEST = timedelta(seconds=1)
_QUOTED_BYTES = 1024
LONGEST_ANSWER = timedelta(minutes=5)
"""Checks of a killed worker wait for its timeout."""
_ANSWER = timedelta(seconds=10)


class Check(Struct, frozen=True, kw_only=True):
    """The state of a check. `attempts`: this one included. `last_report_key`: the key of the last report.

    `late`: how long after its time it was asked.
    """

    created_at: datetime
    attempts: int
    condition_since: datetime | None = None
    last_report_key: str | None = None
    late: timedelta = timedelta(0)


class Judged(Struct, frozen=True, kw_only=True):
    """A report, and the next check. `last_report_key`: the key by which a repeated report is known. `due_at` None: no
    further check."""

    outcome: Literal["passed", "failed", "errored", "pending"]
    reason: str
    last_report_key: str
    due_at: Annotated[datetime, Meta(tz=True)] | None = None
    condition_since: Annotated[datetime, Meta(tz=True)] | None = None


class CheckedPromotion(ReportedPromotion, frozen=True, kw_only=True):
    """Asked once a deployment comes to the gate, and again each `interval`, until the answer is final."""

    interval: Annotated[timedelta, Meta(description="The time between two requests.")] = timedelta(seconds=30)

    @property
    def address(self) -> str:
        """Where it asks, for people."""
        return self.ident

    @property
    def answer_within(self) -> timedelta:
        """How long one answer may take."""
        return _ANSWER

    @property
    def patience(self) -> timedelta:
        """How long it may be without an answer; then `on_error` applies."""
        return timedelta(0)

    def error_lasts_until(self, context: GateContext, since: datetime) -> datetime | None:
        return since + self.patience

    def check(self, checks: Checks) -> None:
        if self.interval < _SHORTEST:
            checks.problem(("interval",), f"must be {in_words(_SHORTEST)} at least")

    def request(self, deployment: Deployment) -> Request:
        """The request about a deployment."""
        raise NotImplementedError

    def judge(self, check: Check, answer: Answer | NoAnswer, now: datetime) -> Judged:
        """Whether an answer is a new fact, and when the next check is due."""
        raise NotImplementedError

    def unanswered(self, context: GateContext, missing: Names, errored: tuple[JobReport, ...]) -> Verdict:
        """It is asked again. An answer that is not the wanted one yet is PENDING."""
        ident = self.ident
        if errored:
            return context.verdict(ident, GateStatus.ERROR, CheckUnanswered(promotion=ident, text=errored[0].text))
        pending = reports_of(self.latest(context), "pending")
        if pending:
            return context.verdict(ident, GateStatus.PENDING, CheckPending(promotion=ident, text=pending[0].text))
        return context.verdict(ident, GateStatus.PENDING, CheckRunning(promotion=ident, url=self.address))


def answer_time(promotion: CheckedPromotion) -> timedelta:
    """How long one answer of the gate may take; the default where the gate breaks."""
    try:
        return min(max(promotion.answer_within, timedelta(0)), LONGEST_ANSWER)
    except Exception:  # whatever breaks in a gate must stop no other check
        return _ANSWER


def request_of(promotion: CheckedPromotion, deployment: Deployment) -> Request | NoAnswer:
    """The gate's request; where the gate breaks, the reason for none."""
    try:
        return convert(asdict(promotion.request(deployment)), Request)
    except Exception as error:  # as above
        return NoAnswer(reason=f"no request: {error_text(error)}", asked=False)


def judge_answer(promotion: CheckedPromotion, check: Check, answer: Answer | NoAnswer, now: datetime) -> Judged:
    """The gate's report of an answer; where the gate breaks, an error, and a further check."""
    try:
        judged = convert(asdict(promotion.judge(check, answer, now)), Judged)
        return replace(judged, reason=visible(judged.reason), last_report_key=visible(judged.last_report_key))
    except Exception as error:  # as above
        reason = f"the answer could not be judged: {error_text(error)}"
        return Judged(outcome="errored", reason=reason, last_report_key=reason, due_at=now + BROKEN_AGAIN_AFTER)


def check_url(checks: Checks, at: Path, text: str) -> None:
    """Check that it is an address without secrets, and each of its places."""
    problem = address_problem(text)
    if problem is not None:
        checks.problem(at, problem)
        return
    check_template(checks, at, url(text))


def check_template(checks: Checks, at: Path, template: Template) -> None:
    """Check that every place of a template can be written safely."""
    for problem in template.problems:
        checks.problem(at, problem)


def quoted(body: bytes) -> str:
    """The beginning of a body, as one line of text that a log and a terminal can bear."""
    return visible(body[:_QUOTED_BYTES].decode("utf-8", errors="replace").strip(), keep="")
