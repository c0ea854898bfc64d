"""The text of a gate's reason, in English."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import assert_never
from zoneinfo import ZoneInfo

from deploydb.domain.calendar.window import Window
from deploydb.domain.formatting import counted, in_words, instant, listed
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model.gate_reasons import AwaitingApproval, AwaitingAttestation, Soaking, WindowClosed
from deploydb.domain.model.reason_parts import Comment, IncidentReport, ReasonCase, UncountedVote

_PLACE = re.compile(r"\{(\w+)\}")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def gate_text(reason: ReasonCase) -> str:
    """The reason as one line, where its text depends on what it has. Raises: TypeError for any other reason."""
    match reason:
        case AwaitingApproval():
            return _awaiting_approval(reason)
        case gate.CustomReason(text=own, values=values):
            return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), own)
        case Soaking(duration=duration, until=until):
            return f"soaks for {in_words(duration)}, until {instant(until)}{_again(reason)}"
        case gate.AwaitingJobs(missing=missing, errored=errored):
            waits = [f"{one.job} could not tell{_own(one.text)}; it may report again" for one in errored]
            return "; ".join(waits + ([f"waits for {listed(missing)} to report"] if missing else []))
        case gate.JobsPassed(reports=reports):
            return ", ".join(f"{one.job} passed{_own(one.text)}" for one in reports)
        case gate.JobsFailed(reports=reports):
            return "; ".join(f"{one.job} failed{_own(one.text)}" for one in reports)
        case gate.CheckPending(promotion=promotion, text=own):
            return f"{promotion}: not yet{_own(own)}"
        case gate.CheckUnanswered(promotion=promotion, text=own):
            return f"{promotion} has no answer yet{_own(own)}; it is asked again"
        case gate.WindowOpen(promotion=promotion, zone=zone, until=closes):
            until_ = f" until {_moment(closes, zone)}" if closes is not None else ""
            return f"{promotion} is open{until_} ({zone})"
        case WindowClosed(promotion=promotion, zone=zone, opens_at=opens):
            then = f"opens {_moment(opens, zone)}" if opens is not None else "does not open within two years"
            return f"{promotion} is closed {_closed_by(reason)}; {then} ({zone})"
        case gate.ApprovalDeferred(unmet=unmet):
            return f"people are asked once {listed(unmet)} passed"
        case gate.SoakUnverified(unmet=unmet):
            return f"soaks once {listed(unmet)} passed"
        case gate.SoakIncident(incidents=incidents):
            return f"soaks once it is over: {incidents_text(incidents)}"
        case gate.ApprovalRefused(promotion=promotion, refusals=refusals):
            return f"{promotion} refused by {comments_text(refusals)}"
        case gate.ApprovalTimedOut(promotion=promotion, timeout=timeout, awaiting=awaiting):
            return f"{promotion} was not approved within {in_words(timeout)}: {_awaiting_approval(awaiting)}"
        case gate.JobsTimedOut(timeout=timeout, missing=missing, errored=errored):
            names = [*(one.job for one in errored), *missing]
            last = "".join(
                f"; at last {'it' if len(names) == 1 else one.job} could not tell{_own(one.text)}" for one in errored
            )
            return f"{listed(names)} did not answer within {in_words(timeout)}{last}"
        case gate.DependencyMissing(service=service, environment=environment, version=version):
            wanted = f" {version}" if version is not None else ""
            return f"waits for {service}{wanted} in {environment}: nothing of it runs there"
        case gate.DependencyUnverified(service=service, environment=environment, running=found):
            states = ", ".join(f"{one.version} is {one.status}" for one in found)
            return f"waits for {service} in {environment} to succeed: {states}"
        case gate.Attested(promotion=promotion, signatures=signatures):
            return f"{promotion}: attested by {listed([f'{one.signer} ({one.kind})' for one in signatures])}"
        case AwaitingAttestation(strangers=strangers, other_digest=other_digest):
            text = f"waits for {attestation_text(reason)}"
            text += f"; {listed(strangers)} may not vouch for it" if strangers else ""
            return text + ("; there is one of another digest" if other_digest else "")
        case gate.IncidentOpen(incidents=incidents):
            return incidents_text(incidents)
        case _:
            raise TypeError(f"{type(reason).__name__} has no text")


def approvals_text(missing: int, groups: tuple[str, ...]) -> str:
    """`2 approvals of sre or qa`."""
    return counted(missing, "approval") + (f" of {listed(groups, 'or')}" if groups else "")


def attestation_text(reason: AwaitingAttestation) -> str:
    """`signature of sha256:… by ci or sre`: the attestations that are missing."""
    kinds = listed(reason.kinds) if reason.kinds else "an attestation"
    return f"{kinds} of {reason.digest} by {listed(reason.signers, 'or')}"


def incidents_text(incidents: Iterable[IncidentReport]) -> str:
    """`incident INC-1: errors; an incident`."""
    return "; ".join((f"incident {one.name}" if one.name else "an incident") + _own(one.text) for one in incidents)


def comments_text(comments: Iterable[Comment]) -> str:
    """`alice: too slow, bob`."""
    return ", ".join(one.by + _own(one.comment) for one in comments)


def _own(text: str | None) -> str:
    return f": {text}" if text else ""


def _awaiting_approval(reason: AwaitingApproval) -> str:
    beside = f" beside {', '.join(reason.approved_by)}" if reason.approved_by else ""
    notes = "".join(f"; {uncounted_text(vote)}" for vote in reason.uncounted)
    return f"waits for {approvals_text(reason.missing, reason.groups)}{beside}{notes}"


def uncounted_text(vote: UncountedVote) -> str:
    """Why a person's word does not count."""
    match vote.cause:
        case "other_file":
            return f"{vote.by}'s word is on another file ({vote.digest})"
        case "not_in_groups":
            return f"{vote.by} is not in {listed(vote.groups, 'or')} and does not count"
        case "publisher":
            return f"{vote.by} published it and does not count"
        case "author":
            return f"{vote.by} is an author of it and does not count"
        case _:
            assert_never(vote.cause)


def _again(reason: Soaking) -> str:
    if reason.after_job is not None:
        return f", again since {reason.after_job} failed"
    after = reason.after_incident
    return f", again since {incidents_text((after,))} was over" if after is not None else ""


def _closed_by(reason: WindowClosed) -> str:
    named = [window_text(one) for one in reason.windows]
    more = reason.count > len(named)
    if not reason.denied:
        return f"outside of its {reason.count} windows" if more else f"outside of {listed(named, 'or')}"
    noun = "window" if reason.count == 1 else "windows"
    return f"by the deny {noun} {listed(named)}{' and more' if more else ''}"


def window_text(window: Window) -> str:
    """`Mon–Fri 09:00–17:00`, `24 Dec 2026 – 2 Jan 2027`, or the rule and for how long."""
    if window.rrule is not None:
        length = f" for {in_words(window.duration)}" if window.duration is not None else ""
        return " ".join(window.rrule.split()) + length
    hours = "" if window.start == window.end == time(0) else f"{_clock(window.start)}–{_clock(window.end)}"
    return " ".join(filter(None, (_days(window.days), _dates(window.first, window.last), hours))) or "every day"


def _days(days: tuple[int, ...]) -> str:
    """`Mon–Fri`, `Tue, Thu`: three days or more in a row are a range."""
    runs: list[list[int]] = []
    for day in sorted(set(days)):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts = [
        [f"{_DAYS[run[0]][:3]}–{_DAYS[run[-1]][:3]}"] if len(run) > 2 else [_DAYS[day][:3] for day in run]
        for run in runs
    ]
    return ", ".join(part for together in parts for part in together)


def _dates(first: date | None, last: date | None) -> str:
    if first == last:
        return _date(first) if first is not None else ""
    if first is None or last is None:
        return f"from {_date(first)}" if first is not None else f"until {_date(last)}" if last is not None else ""
    return f"{_date(first)} – {_date(last)}"


def _date(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _clock(at: time) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _moment(at: datetime, zone: str) -> str:
    """`17:00 Friday 27 Nov 2026`, on the clocks of the zone."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{_clock(local.time())} {_DAYS[local.weekday()]} {_date(local.date())}"
