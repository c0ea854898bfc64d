"""The lanes of the matrix as answers give them."""

from msgspec import UNSET, Struct, UnsetType

from deploydb.query.bodies import ReasonBody
from deploydb.query.hold_views import HoldBody
from deploydb.query.outlook_view import OutlookBody


class Previous(Struct, frozen=True, kw_only=True, gc=False):
    """The other version that ran there before, from when until when."""

    version: str
    since: str
    until: str


class Running(Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What a lane runs of one module. `trigger_reason`: why it was put there; `reason`: why its status is as it is.
    `attempt`: from the second on; `conflict`: a later publication of the version with another file."""

    module: str
    version: str
    deployment: int
    status: str
    since: str
    trigger_reason: ReasonBody | None
    reason: ReasonBody | None
    previous: Previous | None
    attempt: int | UnsetType = UNSET
    conflict: str | UnsetType = UNSET


class Pending(Struct, frozen=True, kw_only=True, gc=False):
    """A deployment that is on its way, and what it waits for or how far it is. `outlook`: of one that is not, or that a
    person holds."""

    module: str
    version: str
    deployment: int
    kind: str
    attempt: int
    status: str
    reason: ReasonBody | None
    outlook: OutlookBody | UnsetType = UNSET
    conflict: str | UnsetType = UNSET


class Failed(Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What failed in a lane last, since when, and what was done about it (`response`, `detail`)."""

    module: str
    version: str
    deployment: int
    kind: str
    attempt: int
    since: str | None
    reason: ReasonBody | None
    response: str | None
    detail: ReasonBody | None


class OpenIncident(Struct, frozen=True, kw_only=True, gc=False):
    """An incident in a lane that is open; of a version, where it names one."""

    name: str | None
    version: str | None
    since: str
    reason: str | None


class Drifted(Struct, frozen=True, kw_only=True, gc=False):
    """What the lane should run and does not, with nothing on its way there."""

    module: str
    expected: str
    reason: ReasonBody


class Changed(Struct, frozen=True, kw_only=True, gc=False):
    """A module of which a lane ran another version `then`, in the past, than `now`; null where it runs none."""

    module: str
    then: str | None
    now: str | None


class Lane(Struct, frozen=True, kw_only=True):
    """A service in an environment. `failed`: of each module what failed last, until a newer release succeeds.
    `changed`: of the past that is compared with now."""

    service: str
    environment: str
    running: list[Running] = []
    pending: list[Pending] = []
    holds: list[HoldBody] = []
    drift: list[Drifted] = []
    failed: list[Failed] | UnsetType = UNSET
    incidents: list[OpenIncident] | UnsetType = UNSET
    changed: list[Changed] | UnsetType = UNSET
