"""Which holds stand over a lane, and how the interface tells a hold."""

from collections.abc import Collection, Sequence

from msgspec import Struct, field

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.overrides import Hold
from deploydb.domain.wording import text
from deploydb.query.bodies import body_of


class Held:
    """Some holds that stand, and the lanes that they are over."""

    def __init__(self, holds: Sequence[Hold], catalog: Catalog) -> None:
        self._holds = holds
        self._catalog = catalog
        self._before: dict[str, dict[str, tuple[str, ...]]] = {}

    def over(self, service: str, environment: str | None, versions: Collection[str] | None = None) -> list[Hold]:
        """Those over a service, in one environment or anywhere. Vetoes: of any version, or only of `versions`."""
        return [
            hold
            for hold in self._holds
            if hold.service in (None, service)
            and (environment is None or self._reaches(hold, service, environment))
            and (hold.kind != "veto" or versions is None or hold.version in versions)
        ]

    def in_environment(self, environment: str) -> list[Hold]:
        """Those over any service's lane in an environment."""
        return [hold for hold in self._holds if self._reaches(hold, hold.service, environment)]

    def _reaches(self, hold: Hold, service: str | None, environment: str) -> bool:
        """Whether a hold is over an environment. A veto is also over what comes after the stage that it names."""
        if hold.environment in (None, environment):
            return True
        return hold.kind == "veto" and service is not None and hold.environment in self._upstream(service, environment)

    def _upstream(self, service: str, environment: str) -> set[str]:
        """The stages that come before one, however far."""
        before = self._stages(service)
        found: set[str] = set()
        look = [environment]
        while look:
            new = set(before.get(look.pop(), ())) - found
            found |= new
            look += new
        return found

    def _stages(self, service: str) -> dict[str, tuple[str, ...]]:
        """Each stage of a service with those right before it."""
        if service not in self._before:
            configured = self._catalog.services.get(service)
            stages = self._catalog.stages(configured) if configured is not None else ()
            self._before[service] = {stage.environment: stage.after.environments for stage in stages}
        return self._before[service]


class HoldBody(Struct, frozen=True, kw_only=True):
    """A hold: its id, what it is over (null: over all), who placed it, when and why, from and until when, and the whole
    in words."""

    id: str
    kind: str
    service: str | None
    environment: str | None
    version: str | None
    text: str
    by: str
    reason: str | None
    since: str
    begins: str | None = field(name="from")
    until: str | None


def hold_body(hold: Hold) -> HoldBody:
    return body_of(HoldBody, hold, id=hold.hold, text=text(hold.held), since=hold.at.time)
