"""What would release a deployment, as a body and as one sentence."""

from datetime import datetime

from msgspec import Struct

from deploydb.engine.needs import Need
from deploydb.engine.unblock import Unblock
from deploydb.query.bodies import body_of

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class NeedBody(Struct, frozen=True, kw_only=True):
    """One thing that it needs."""

    kind: str
    text: str
    environment: str | None
    promotion: str | None
    earliest: str | None


class ReleasingBody(Struct, frozen=True, kw_only=True):
    """The smallest set that would release it: in a sentence, and each need on its own. `possible`: something would."""

    sentence: str
    possible: bool
    earliest: str | None
    needs: list[NeedBody]


def releasing_body(releasing: Unblock, now: datetime) -> ReleasingBody:
    needs, possible = [body_of(NeedBody, need) for need in releasing.needs], releasing.instead is None
    return body_of(ReleasingBody, releasing, sentence=sentence(releasing, now), possible=possible, needs=needs)


def sentence(releasing: Unblock, now: datetime) -> str:
    """`needs one approval of sre, and 3h12m of soak: earliest 09:00 Tuesday 24 Nov (UTC)`."""
    if releasing.instead is not None:
        return f"nothing releases it: {releasing.instead}"
    windows = [need for need in releasing.needs if need.kind == "window"]
    others = [need for need in releasing.needs if need.kind != "window"]
    if not releasing.needs:
        return "needs nothing more: it goes on at the next look"
    named = others or windows
    earliest = _earliest(releasing, now)
    last = [need for need in windows if need.earliest is not None and need.earliest == releasing.earliest]
    opens = f", when {last[0].promotion} opens" if last and others else ""
    uncounted = any(need.kind in ("deployment", "rollback") for need in releasing.needs)
    deployments = ", not counting the deployments" if uncounted else ""
    return f"needs {_listed(named)}: {earliest}{opens}{deployments}"


def _earliest(releasing: Unblock, now: datetime) -> str:
    if releasing.earliest is None:
        return "no time is known"
    return f"earliest {moment(releasing.earliest, now)}" if releasing.earliest > now else "earliest at once"


def moment(at: datetime, now: datetime) -> str:
    """`09:00 Tuesday 24 Nov (UTC)`; with its year, where that is another one."""
    clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    year = f" {at.year}" if at.year != now.year else ""
    return f"{clock} {_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]}{year} (UTC)"


def _listed(needs: list[Need]) -> str:
    """By environment where there are several."""
    environments = list(dict.fromkeys(need.environment for need in needs))
    if len(environments) == 1:
        return _joined([need.text for need in needs])
    return "; ".join(
        f"in {name} " + _joined([need.text for need in needs if need.environment == name]) for name in environments
    )


def _joined(texts: list[str]) -> str:
    return f"{', '.join(texts[:-1])}, and {texts[-1]}" if len(texts) > 1 else texts[0]
