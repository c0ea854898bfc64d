"""An approval or refusal as it was requested, checked."""

from msgspec import Struct

from deploydb.domain.model.promotions import FREEZE
from deploydb.gateway.field_reader import FieldReader
from deploydb.gateway.request_body import Content

_DECISIONS = ("approve", "refuse")


class ApprovalRequest(Struct, frozen=True, kw_only=True):
    """Yes (`given`) or no, to one version in one lane, for one promotion. `digest`: of the file that was seen;
    `early`: also for a version that is still to come."""

    service: str
    environment: str
    version: str
    promotion: str
    given: bool
    comment: str | None
    deployment: int | None
    digest: str | None
    early: bool

    @classmethod
    def of(cls, content: Content) -> "ApprovalRequest":
        """The approval or refusal of a request, without its author.

        Raises: HTTPException 422 that names each field which is missing or wrong.
        """
        reading = FieldReader(content)
        names = {name: reading.name(name) for name in ("service", "environment", "version", "promotion")}
        decision = reading.choice("decision", _DECISIONS)
        comment = reading.comment("comment")
        if not comment and not reading.wrong.get("comment"):
            if decision == "refuse":
                reading.wrong["comment"] = "is missing: a refusal needs a reason"
            elif names["promotion"] == FREEZE:
                reading.wrong["comment"] = "is missing: an exception to a freeze needs a reason"
        deployment = reading.number("deployment")
        digest = reading.name("digest", required=False) or None
        early = reading.flag("early")
        reading.require()
        return cls(
            **names,
            given=decision == "approve",
            comment=comment or None,
            deployment=deployment,
            digest=digest,
            early=early,
        )
