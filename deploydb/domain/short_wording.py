"""Reasons in a few words, for lists: `smoke passed · soak 2h · approved by ann`. `wording.text` has the whole."""

from collections.abc import Iterable

from deploydb.domain.formatting import counted, in_words
from deploydb.domain.gate_wording import approvals_text
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model import outcome_reasons as outcome
from deploydb.domain.model import reasons as why
from deploydb.domain.model.reason_parts import ReasonCase
from deploydb.domain.wording import text

_LONGEST = 160
"""Of what others wrote, and of any other reason."""
_NAMED = 2
"""People; of more only their number."""


def short(reason: ReasonCase) -> str:
    """The reason in a few words, on one line of at most 160 characters."""
    return _cut(_few_words(reason))


def _few_words(reason: ReasonCase) -> str:
    match reason:
        case why.Several(reasons=reasons) | why.GatesPassed(reasons=reasons):
            return " · ".join(map(short, reasons))
        case why.Followed(failure=failure, response=response):
            return f"{short(failure)} · {short(response)}"
        case why.Admitted(promotion=promotion) if promotion is not None:
            return f"promoted by {promotion.by}"
        case why.Admitted(ordered=ordered) if ordered is not None:
            return f"attempt {ordered.attempt}, by {ordered.order.by}"
        case why.Admitted(hotfix=hotfix) if hotfix is not None:
            return f"a hotfix, by {hotfix.by}"
        case why.Admitted(promoted_from=stages, published_by=published_by, attempt=attempt):
            line = f"promoted from {', '.join(one.environment for one in stages)}" if stages else "published"
            line += f" by {published_by}" if published_by and not stages else ""
            return f"attempt {attempt} · {line}" if attempt is not None else line
        case why.RetryOf(attempt=attempt, attempts=attempts):
            return f"attempt {attempt} of {attempts}"
        case why.RollbackOf(version=version, requested=requested):
            return f"rollback from {version}" + (f", by {requested.by}" if requested is not None else "")
        case why.FailedUpstream(environment=environment):
            return f"failed in {environment}"
        case why.SkippedUpstream(environment=environment):
            return f"skipped in {environment}"
        case outcome.AttemptFailed(text=own) if own and own.strip():
            return _ends_of(own)
        case gate.JobsPassed(reports=reports):
            return ", ".join(f"{one.job} passed" for one in reports)
        case gate.JobsFailed(reports=reports):
            return " · ".join(f"{one.job} failed" for one in reports)
        case gate.Soaked(promotion=promotion, duration=duration):
            return f"{promotion} {in_words(duration)}"
        case gate.Approved(by=by):
            return f"approved by {_people(by)}"
        case gate.AwaitingApproval(missing=missing, groups=groups):
            return f"waits for {approvals_text(missing, groups)}"
        case _:
            return next(iter(text(reason).strip().splitlines()), "").strip()


def _people(names: Iterable[str]) -> str:
    known = list(names)
    return " and ".join(known) if len(known) <= _NAMED else counted(len(known), "person", "people")


def _ends_of(output: str) -> str:
    """The first line of a program's output, and the last: errors come last."""
    first, *more = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{_cut(first, _LONGEST // 2).removesuffix('…')} … {more[-1]}" if more else first


def _cut(line: str, most: int = _LONGEST) -> str:
    """A line that is longer than is shown, cut between two words; within one that is longer than half of it."""
    if len(line) <= most:
        return line
    head = line[: most - 1]
    words = head.rsplit(" ", 1)[0]
    return f"{words if len(words) > most // 2 else head}…"
